"""Where a process of a stack finds its log and its database."""

import asyncio

from signoff.settings import Settings
from signoff_process.log.kafka import KafkaLog, KafkaOptions
from signoff_process.log.ports import Log, LogUnavailable

RETRY_SECONDS = 0.5


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


async def started(log: Log, stopping: asyncio.Event) -> str:
    """Start the log as soon as it is there; returns its identity, empty when told to stop first.

    Raises: LogMismatch.
    """
    while not stopping.is_set():
        try:
            return await log.start()
        except LogUnavailable:
            await asyncio.sleep(RETRY_SECONDS)
    return ""
