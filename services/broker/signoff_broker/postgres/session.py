"""Connections as the store wants them, and what their errors mean."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

import asyncpg

from signoff_broker.ports import DataError, StoreError, StoreUnavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

Fields: TypeAlias = Sequence[Any]
"""A row as it came: its columns in order."""

FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What asyncpg raises when the server ended the session while nothing was under way.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""All that a statement may raise for reasons that lie outside this process, or in its values."""

CONNECT_SECONDS: Final = 3.0
COMMAND_SECONDS: Final = 10.0
# The server gives up by itself when the client that should cancel is gone. A takeover waits inside
# one statement for at most the time that an idle transaction is given.
STATEMENT_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 1.0
# A client that freezes inside a transaction must not hold up its successor for longer.
IDLE_IN_TRANSACTION_MS: Final = 1000

# Every statement of the store finds few rows by key. Statistics of tables that were empty a moment
# ago would argue for reading them whole, and a generic plan keeps what it once chose.
_BY_KEY: Final = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
# 22 data exception, 23 constraint violation, 54 program limit exceeded.
_DATA_CLASSES: Final = frozenset({"22", "23", "54"})


def session_name(owner: str, role: str) -> str:
    """The ``application_name`` of an owner's session; ``role`` is a partition's id, or a word."""
    return f"signoff:{owner}:{role}"


async def connect(
    dsn: str, name: str, statement_seconds: float = STATEMENT_SECONDS, **settings: str
) -> Connection:
    """Open a session under a name, with further settings. Raises: StoreUnavailable."""
    try:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": name,
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
                "statement_timeout": str(int(statement_seconds * 1000)),
                **_BY_KEY,
                **settings,
            },
        )
    except FAILURES as error:
        raise StoreUnavailable(f"cannot connect to PostgreSQL: {error}") from error


async def fetch(
    connection: Connection, statement: str, *arguments: object, seconds: float | None = None
) -> Sequence[Fields]:
    """The rows of a statement, within ``COMMAND_SECONDS`` if not told otherwise.

    Raises what is in ``FAILURES``.
    """
    # A Record is a sequence in all but name.
    return cast("list[Fields]", await connection.fetch(statement, *arguments, timeout=seconds))


async def close_quietly(connection: Connection) -> None:
    """Say goodbye to the server if it still listens, and let go in any case."""
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except FAILURES:
        connection.terminate()


def refused(error: Exception) -> bool:
    """Whether the server itself said no, so that the statement certainly had no effect."""
    return isinstance(error, asyncpg.PostgresError) and not _state(error).startswith(("08", "57"))


def meaning(error: Exception) -> StoreError:
    """What an error of a statement means for the store's callers."""
    if isinstance(error, asyncpg.PostgresError):
        state = _state(error)
        if state[:2] in _DATA_CLASSES:
            return DataError(f"{state}: {error}")
        if state[:2] == "42":
            return StoreError(f"{state}: {error}")
        return StoreUnavailable(f"{state}: {error}")
    return StoreUnavailable(f"{type(error).__name__}: {error}")


def _state(error: asyncpg.PostgresError) -> str:
    return str(error.sqlstate or "")
