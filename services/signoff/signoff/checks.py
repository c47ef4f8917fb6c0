"""`signoff migrate` and `signoff check`: the schema, and whether everything can be reached."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from signoff import addresses
from signoff.identity import IdentityRefused, identity_values
from signoff.settings import Settings
from signoff.terminal import say
from signoff_broker.ports import StoreError
from signoff_broker.postgres.migrate import migrate, verify_schema
from signoff_process.lifecycle import run
from signoff_process.log.ports import LogMismatch, LogUnavailable

FAILURES = (StoreError, IdentityRefused, LogMismatch, LogUnavailable, addresses.SettingMissing)


def run_migrate(settings: Settings) -> int:
    """Bring the schema up to date; 1 if the database cannot be reached or is newer."""

    async def work(_stopping: asyncio.Event) -> int:
        try:
            applied = await migrate(addresses.database(settings))
        except (StoreError, addresses.SettingMissing) as error:
            structlog.get_logger().error("cannot_migrate", reason=str(error))
            return 1
        say(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
        return 0

    return run(work)


def run_check(settings: Settings) -> int:
    """One line for each thing that must be there; 1 if something is not."""

    async def work(_stopping: asyncio.Event) -> int:
        callers = await _line("who may call", lambda: _know_callers(settings))
        schema = await _line(
            "PostgreSQL and its schema", lambda: verify_schema(addresses.database(settings))
        )
        kafka = await _line("Kafka and its topics", lambda: _reach_kafka(settings))
        return 0 if callers and schema and kafka else 1

    return run(work)


async def _know_callers(settings: Settings) -> None:
    identity_values(settings)


async def _reach_kafka(settings: Settings) -> None:
    log = addresses.kafka_log(settings)
    await log.start()
    await log.close()


async def _line(what: str, look: Callable[[], Awaitable[object]]) -> bool:
    try:
        await look()
    except FAILURES as error:
        say(f"failed  {what}: {error}")
        return False
    say(f"ok      {what}")
    return True
