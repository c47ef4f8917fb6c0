"""The gateway and the broker as processes of a distributed stack."""

import asyncio
from collections.abc import Awaitable

import structlog

from signoff import addresses, parts
from signoff.global_listeners import configure
from signoff.identity import IdentityRefused, identity_values
from signoff.metrics import BrokerPages
from signoff.serving import AddressTaken, address, listen, serving
from signoff.settings import Settings
from signoff_broker.ports import StoreError
from signoff_process.clock import SystemClock
from signoff_process.lifecycle import run, tune_gc
from signoff_process.log.ports import LogMismatch

REFUSALS = (AddressTaken, IdentityRefused, LogMismatch, StoreError, addresses.SettingMissing)


def run_gateway(settings: Settings) -> int:
    """Serve the HTTP API until a signal; 1 if it cannot start."""
    return run(lambda stopping: _refusing(_gateway(settings, stopping)))


def run_broker(settings: Settings) -> int:
    """Own partitions until a signal; 1 if it cannot start."""
    return run(lambda stopping: _refusing(_broker(settings, stopping)))


async def _refusing(work: Awaitable[None]) -> int:
    try:
        await work
    except REFUSALS as error:
        structlog.get_logger().error("cannot_run", reason=str(error))
        return 1
    return 0


async def _gateway(settings: Settings, stopping: asyncio.Event) -> None:
    logger = structlog.get_logger()
    log = addresses.kafka_log(settings)
    dsn = addresses.database(settings)
    identity = identity_values(settings)
    listening = listen(settings.host, settings.port)
    await addresses.when_log_is_there(log.start, stopping)
    async with parts.gateway(settings, log, dsn, identity) as gateway:
        await addresses.when_log_is_there(gateway.start, stopping)
        clock, listeners = SystemClock(), settings.global_listeners
        await addresses.when_log_is_there(lambda: configure(log, clock, listeners), stopping)
        tune_gc()
        async with serving(gateway.asgi, listening):
            logger.info("gateway_listens", address=address(listening))
            await stopping.wait()
            await gateway.stop()
    await log.close()
    logger.info("gateway_stopped")


async def _broker(settings: Settings, stopping: asyncio.Event) -> None:
    logger = structlog.get_logger()
    log = addresses.kafka_log(settings)
    listening = listen(settings.host, settings.broker_port)
    port: int = listening.getsockname()[1]
    owner = parts.ownership(settings, addresses.database(settings), port)
    identity = await addresses.when_log_is_there(log.start, stopping)
    if identity is None:
        return
    await owner.ensure_partitions(settings.partitions, SystemClock().now_ms())
    await owner.verify_log(identity)
    broker = parts.broker(log, owner)
    tune_gc()
    async with serving(BrokerPages(broker.metrics, lambda: broker.settled), listening):
        logger.info("broker_runs", metrics=f"{address(listening)}/metrics")
        await broker.run(stopping)
    await log.close()
    logger.info("broker_stopped")
