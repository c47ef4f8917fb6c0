"""The parts of every process, made from settings."""

import asyncio
import os
import socket
from datetime import timedelta

import uuid_utils

from signoff.settings import Settings
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.postgres.store import Retention
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import Gateway, GatewayValues
from signoff_gateway.reads.postgres import PostgresReads
from signoff_process.clock import SystemClock
from signoff_process.log.kafka import KafkaLog, KafkaOptions
from signoff_process.log.ports import Log, LogUnavailable

VERSION = "0.1.0"
RETRY_SECONDS = 0.5


class SettingMissing(ValueError):
    """A process of a stack needs an address that it was not given."""


def new_id() -> str:
    """A unique text whose order is the order of time."""
    return str(uuid_utils.uuid7())


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


def ownership(settings: Settings, dsn: str) -> PostgresOwnership:
    """This process as a broker of the cluster."""
    day = timedelta(days=1)
    kept = timedelta(days=settings.retention_days)
    member = Member(new_id(), socket.gethostname(), os.getpid(), VERSION)
    retention = Retention(instances_ms=int(kept / day * 86_400_000))
    return PostgresOwnership(dsn, member, retention=retention)


def broker(log: Log, owner: PostgresOwnership) -> Broker:
    """A broker on a started log."""
    return Broker(log, owner, clock=SystemClock())


def gateway(settings: Settings, log: Log, reads: PostgresReads) -> Gateway:
    """A gateway on a started log."""
    values = GatewayValues(
        request_timeout=settings.request_timeout,
        in_flight_limit=settings.in_flight_limit,
        waits_limit=settings.waits_limit,
        body_limit=settings.body_limit,
    )
    return Gateway(log, reads, SystemClock(), new_id, values)
