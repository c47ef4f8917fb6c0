"""Where a process of a stack finds its log and its database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from signoff.settings import Settings
from signoff_process.log.kafka import KafkaLog, KafkaOptions
from signoff_process.log.ports import LogUnavailable

RETRY_SECONDS = 0.5

T = TypeVar("T")


class SettingMissing(ValueError):
    """A process of a stack needs an address that it was not given."""


def kafka_log(settings: Settings) -> KafkaLog:
    """The stack's log, not started. Raises: SettingMissing."""
    if not settings.kafka:
        raise SettingMissing("SIGNOFF_KAFKA is needed, such as 127.0.0.1:9092")
    options = KafkaOptions(replication=settings.kafka_replication)
    return KafkaLog(settings.kafka, settings.partitions, settings.inboxes, options)


def database(settings: Settings) -> str:
    """The stack's database. Raises: SettingMissing."""
    if not settings.database_url:
        raise SettingMissing("SIGNOFF_DATABASE_URL is needed, such as postgresql://user@host/db")
    return settings.database_url


async def when_log_is_there(work: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T | None:
    """Do what needs the log, again and again until it is there; None when told to stop first.

    Raises: whatever ``work`` does, LogUnavailable excepted.
    """
    while not stopping.is_set():
        try:
            return await work()
        except LogUnavailable:
            await asyncio.sleep(RETRY_SECONDS)
    return None
