"""Logs for people and for machines: one call at the start of a process decides which.

Our own lines come from structlog: `structlog.get_logger()`, a constant snake_case event and values.
What libraries say through `logging` goes the same way, from warnings up.
"""

import io
import logging
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Chatty below these; at the chosen level they would drown our own lines.
QUIET_LIBRARIES = ("aiokafka", "asyncio", "asyncpg", "uvicorn", "uvicorn.access", "uvicorn.error")


# Without the frames' local values: those are payloads and secrets.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


class LogFormat(StrEnum):
    """How lines are written."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """The level as `logging` counts."""
        return logging.getLevelNamesMapping()[self.name]


def configure_logs(level: LogLevel = LogLevel.INFO, log_format: LogFormat = LogFormat.AUTO) -> None:
    """Send every line of this process to stderr; AUTO is console at a terminal and JSON elsewhere.

    Calling it again replaces what was configured before.
    """
    at_terminal = log_format is LogFormat.AUTO and sys.stderr.isatty()
    for_people = at_terminal or log_format is LogFormat.CONSOLE
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if for_people else "iso", utc=not for_people
        ),
    ]
    final: list[Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
        if for_people
        else [_TRACEBACKS, _json_line]
    )
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(level.number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(shared, final, max(level.number, logging.WARNING))


class _Stderr(io.TextIOBase):
    """Whatever stderr is now: tests and terminals replace it."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _route_standard_logging(
    shared: Sequence[Processor], final: Sequence[Processor], level: int
) -> None:
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(level)


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Keys are strings by construction; a value of unknown type is written as its repr."""
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
