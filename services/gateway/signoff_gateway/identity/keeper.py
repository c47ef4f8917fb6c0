"""Keeps the directory: what the file says, and what the API saved, never older than a second."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from signoff_gateway.identity.directory import Directory
from signoff_gateway.identity.entries import KINDS, NO_ENTRIES, Entries
from signoff_gateway.reads import ReadsError
from signoff_gateway.reads.work import DocumentRow
from signoff_process.clock import Clock

FRESH_SECONDS: Final = 1.0
"""How old an answer may be: so long a change takes to be known everywhere."""
AHEAD_SECONDS: Final = 0.5
"""From this age on it is read again while the old one still serves."""
GRACE_SECONDS: Final = 10.0
"""How long the last state serves while the database does not answer."""

log = structlog.get_logger(__name__)


class DocumentReader(Protocol):
    """The read that the directory stands on."""

    async def documents(self, kind: str, identifier: str | None = None) -> Sequence[DocumentRow]:
        """Documents of a kind. Raises: ReadsError."""
        ...


class Keeper:
    """Asked at each request; reads when what it has is too old.

    Args:
        reads: The read side.
        clock: The time.
        fixed: The entries of the file.
    """

    def __init__(self, reads: DocumentReader, clock: Clock, fixed: Entries = NO_ENTRIES) -> None:
        self._reads = reads
        self._clock = clock
        self._fixed = fixed
        self._rows: list[DocumentRow] = []
        self._directory = Directory(fixed)
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    def at_once(self) -> Directory | None:
        """The directory, if it is fresh; read again in time for those who come later."""
        if self._read_at is None:
            return None
        age = self._clock.monotonic() - self._read_at
        if age >= AHEAD_SECONDS:
            self._read()
        return self._directory if age < FRESH_SECONDS else None

    async def current(self) -> Directory:
        """The directory. Raises: ReadsError when it cannot be read and was not for too long."""
        found = self.at_once()
        if found is None:
            try:
                await asyncio.shield(self._read())
            except ReadsError:
                if self._age() > GRACE_SECONDS:
                    raise
        return self._directory

    async def changed(self) -> Directory:
        """The directory after a change that this gateway has just made. Raises: ReadsError."""
        if self._reading is not None:
            with suppress(ReadsError):
                await asyncio.shield(self._reading)
        await asyncio.shield(self._read())
        return self._directory

    async def close(self) -> None:
        """End what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self._clock.monotonic() - self._read_at

    def _read(self) -> "asyncio.Task[None]":
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._load(), name="directory")
            self._reading.add_done_callback(_heard)
        return self._reading

    async def _load(self) -> None:
        began = self._clock.monotonic()
        rows = [row for kind in KINDS for row in await self._reads.documents(kind)]
        if rows != self._rows:
            self._directory, self._rows = Directory(self._fixed, rows), rows
        self._read_at = began


def _heard(task: "asyncio.Task[None]") -> None:
    """Nobody may be waiting: what went wrong is told by the next who asks."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("directory_not_read", reason=repr(task.exception()))
