"""`signoff dev`: everything in one process, on a PostgreSQL of its own and a log in memory."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import structlog

from signoff import parts
from signoff.demo import listeners, tasks_to_try, things_to_try
from signoff.global_listeners import configure
from signoff.identity import (
    IdentityRefused,
    identity_values,
    ready_made,
    who_may_call,
)
from signoff.metrics import BrokerCollector
from signoff.serving import AddressTaken, address, listen, serving
from signoff.settings import Settings
from signoff.terminal import say
from signoff_broker.ports import StoreError
from signoff_broker.postgres.migrate import migrate
from signoff_broker.wiring import Broker
from signoff_gateway.gateway import Gateway
from signoff_process.clock import SystemClock
from signoff_process.lifecycle import run, tune_gc
from signoff_process.log.memory import MemoryLog
from signoff_process.log.ports import LogMismatch
from signoff_process.postgres_server import PostgresServer, PostgresServerError
from signoff_worker import HttpTransport, Worker

READY_POLL_SECONDS = 0.01
RESTART_PAUSE_SECONDS = 0.2
DRAIN = timedelta(seconds=2)
REFUSALS = (AddressTaken, IdentityRefused, LogMismatch, StoreError, PostgresServerError)


def run_dev(settings: Settings) -> int:
    """Run until a signal; 1 if it cannot start."""

    async def work(stopping: asyncio.Event) -> int:
        try:
            await _everything(settings, stopping)
        except REFUSALS as error:
            structlog.get_logger().error("cannot_run", reason=str(error))
            return 1
        return 0

    return run(work)


async def _everything(settings: Settings, stopping: asyncio.Event) -> None:
    identity = identity_values(settings, ready_made())
    listening = listen(settings.host, settings.port)
    async with _database(settings) as dsn:
        await migrate(dsn)
        log = MemoryLog(settings.partitions, settings.inboxes)
        owner = parts.ownership(settings, dsn, listening.getsockname()[1])
        await owner.ensure_partitions(settings.partitions, SystemClock().now_ms())
        await owner.verify_log(await log.start())
        broker = parts.broker(log, owner, publish_events=False)
        async with parts.gateway(settings, log, dsn, identity) as gateway:
            gateway.metrics.include(BrokerCollector(broker.metrics))
            await broker.start()
            try:
                await _owned(broker, settings.partitions, stopping)
                if not stopping.is_set():
                    await gateway.start()
                    await configure(log, SystemClock(), settings.global_listeners)
                    # The demo's worker has no credentials.
                    demo = settings.demo and not identity.required
                    say(who_may_call(identity))
                    await _serve(gateway, listening, stopping, demo=demo)
            finally:
                await broker.stop()
        await log.close()
    say("stopped; the data stays")


async def _serve(
    gateway: Gateway, listening: socket.socket, stopping: asyncio.Event, *, demo: bool
) -> None:
    url = address(listening)
    async with serving(gateway.asgi, listening), _demo(url, wanted=demo):
        tune_gc()
        say(f"Signoff listens on {url}, Ctrl-C ends it; its API is described on {url}/docs")
        await stopping.wait()
        await gateway.stop()


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[str]:
    """The database's address: the one that is given, or a server of ours that is kept running."""
    if settings.database_url:
        say("data: in the database of SIGNOFF_DATABASE_URL")
        yield settings.database_url
        return
    home = settings.data / "postgres"
    async with PostgresServer(home, bin_dir=settings.postgres_bin) as server:
        say(f"data: {home.parent}")
        keeper = asyncio.create_task(_keep_running(server))
        try:
            yield server.dsn
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _keep_running(server: PostgresServer) -> None:
    while True:
        code = await server.wait()
        structlog.get_logger().warning("postgresql_ended", code=code)
        while server.pid is None:
            with suppress(PostgresServerError):
                await server.start()
            await asyncio.sleep(RESTART_PAUSE_SECONDS)


async def _owned(broker: Broker, partitions: int, stopping: asyncio.Event) -> None:
    """Wait until the broker runs every partition: a request before that would get 503."""
    while not stopping.is_set() and len(broker.partitions) < partitions:  # noqa: ASYNC110
        await asyncio.sleep(READY_POLL_SECONDS)


@asynccontextmanager
async def _demo(url: str, *, wanted: bool) -> AsyncGenerator[None]:
    """The demo's worker beside the product, and its tasks with lines to try."""
    if not wanted:
        yield
        return
    stopping = asyncio.Event()
    worker = Worker(HttpTransport(url, poll=timedelta(seconds=5)), [listeners], name="demo")
    running = asyncio.create_task(worker.run(stopping, drain=DRAIN), name="demo worker")
    try:
        await _tell(url)
        yield
    finally:
        stopping.set()
        await running


async def _tell(url: str) -> None:
    """Show what to try; a demo that fails takes nothing else with it."""
    try:
        say(things_to_try(url, await tasks_to_try(url), sys.argv[0]))
    except aiohttp.ClientError as error:
        structlog.get_logger().warning("no_demo", reason=str(error))
