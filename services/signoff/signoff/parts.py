"""The parts of every process, made from settings."""

import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import uuid_utils

from signoff.settings import Settings
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.postgres.store import Retention
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import Gateway, GatewayValues
from signoff_gateway.identity.service import IdentityValues
from signoff_gateway.reads.postgres import PostgresReads
from signoff_process.clock import SystemClock
from signoff_process.log.ports import Log

VERSION = "0.1.0"


def new_id() -> str:
    """A unique text whose order is the order of time."""
    return str(uuid_utils.uuid7())


def ownership(settings: Settings, dsn: str, port: int) -> PostgresOwnership:
    """This process as a broker of the cluster, which answers HTTP on ``port``."""
    day = timedelta(days=1)
    kept = timedelta(days=settings.retention_days)
    host = f"{socket.gethostname()}:{port}"
    member = Member(new_id(), host, os.getpid(), VERSION)
    retention = Retention(instances_ms=int(kept / day * 86_400_000))
    return PostgresOwnership(dsn, member, retention=retention)


def broker(log: Log, owner: PostgresOwnership, *, publish_events: bool = True) -> Broker:
    """A broker on a started log."""
    return Broker(log, owner, clock=SystemClock(), publish_events=publish_events)


@asynccontextmanager
async def gateway(
    settings: Settings, log: Log, dsn: str, identity: IdentityValues
) -> AsyncGenerator[Gateway]:
    """A gateway on a started log, to be started; its connections are closed at the end.

    It watches the cluster on a connection of its own: busy searches must not look like a database
    that is away.
    """
    values = GatewayValues(
        request_timeout=settings.request_timeout,
        in_flight_limit=settings.in_flight_limit,
        waits_limit=settings.waits_limit,
        body_limit=settings.body_limit,
        identity=identity,
    )
    reads = await PostgresReads.open(dsn)
    cluster = await PostgresReads.open(dsn, size=1, wait_seconds=1)
    try:
        yield Gateway(log, reads, SystemClock(), new_id, values, cluster=cluster)
    finally:
        await cluster.close()
        await reads.close()
