"""Lines for machines are JSON, lines for people are not, and libraries speak from warnings up."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from signoff_process.logs import LogFormat, LogLevel, configure_logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_carry_event_level_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogLevel.INFO, LogFormat.JSON)
    with structlog.contextvars.bound_contextvars(partition=3):
        structlog.get_logger().info("step_committed", commands=2)
        structlog.get_logger().debug("unheard")

    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("timestamp")
    assert said == {"event": "step_committed", "level": "info", "commands": 2, "partition": 3}


def test_an_exception_is_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format=LogFormat.JSON)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("step_failed")

    said = json.loads(capsys.readouterr().err)
    assert said["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_libraries_are_heard_from_warnings_up(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(LogLevel.DEBUG, LogFormat.JSON)
    logging.getLogger("aiokafka.conn").info("connecting")
    logging.getLogger("uvicorn.error").warning("slow %s", "client")

    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["logger"]) == (
        "slow client",
        "warning",
        "uvicorn.error",
    )


def test_people_read_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format=LogFormat.CONSOLE)
    structlog.get_logger().warning("kafka_slow", seconds=2)

    said = capsys.readouterr().err
    assert "kafka_slow" in said
    assert "seconds=2" in said
