"""What is measured, as processes of this machine: Signoff in both shapes, and the floors."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson

from signoff_process.child import Child
from signoff_process.kafka_server import KafkaServer
from signoff_process.postgres_server import PostgresServer

TOP = Path(__file__).resolve().parents[2]
READY_SECONDS = 60
LISTENERS = "tests.benchmarks.listeners:listeners"
WORKER_CONCURRENCY = 64
TASKS_AT_ONCE = 16


@dataclass(slots=True)
class System:
    """What runs: its addresses and the process ids by name."""

    port: int
    floor: "Floor"
    server: dict[str, int] = field(default_factory=dict[str, int])
    """What counts as the server."""
    worker: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def watched(self) -> dict[str, int]:
        """All of it."""
        return {**self.server, **self.worker}


@dataclass(frozen=True, slots=True)
class Floor:
    """What the parts can do without us."""

    name: str
    command: Sequence[str]
    """Of the client; it reads a plan."""
    port: int
    server: Mapping[str, int]


@asynccontextmanager
async def one_process(data: Path) -> AsyncGenerator[System]:
    """`signoff dev`, PostgreSQL and a worker."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(PostgresServer(data / "postgres"))
        dsn = await _databases(postgres)
        port = _free_port()
        floor = await _http_floor(stack, postgres, data)
        settings = {"SIGNOFF_DATABASE_URL": dsn, "SIGNOFF_PORT": str(port)}
        dev = await _run(stack, data, "dev", ["dev", "--no-demo"], settings)
        await _answers(port)
        worker = await _worker(stack, data, port)
        assert postgres.pid is not None
        server = {"signoff dev": dev.pid, "PostgreSQL": postgres.pid}
        yield System(port, floor, server, {"worker": worker.pid})


@asynccontextmanager
async def distributed(data: Path, partitions: int) -> AsyncGenerator[System]:
    """A gateway, a broker, PostgreSQL, Kafka and a worker."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(PostgresServer(data / "postgres"))
        kafka = await stack.enter_async_context(KafkaServer(data / "kafka"))
        dsn = await _databases(postgres)
        floor = await _kafka_floor(stack, kafka, data)
        port = _free_port()
        settings = {
            "SIGNOFF_DATABASE_URL": dsn,
            "SIGNOFF_KAFKA": kafka.bootstrap,
            "SIGNOFF_PARTITIONS": str(partitions),
            "SIGNOFF_PORT": str(port),
            "SIGNOFF_BROKER_PORT": "0",
        }
        migration = await _run(stack, data, "migrate", ["migrate"], settings)
        assert await migration.wait() == 0, f"see {data / 'migrate.log'}"
        broker = await _run(stack, data, "broker", ["broker"], settings)
        gateway = await _run(stack, data, "gateway", ["gateway"], settings)
        await _answers(port)
        worker = await _worker(stack, data, port)
        assert postgres.pid is not None
        assert kafka.pid is not None
        server = {
            "gateway": gateway.pid,
            "broker": broker.pid,
            "PostgreSQL": postgres.pid,
            "Kafka": kafka.pid,
        }
        yield System(port, floor, server, {"worker": worker.pid})


async def create_tasks(port: int, count: int, *, listener: bool) -> list[str]:
    """Keys of new tasks, with or without a listener of updates."""
    body: dict[str, Any] = {"name": "measured"}
    if listener:
        body["listeners"] = [{"eventType": "updating", "type": "benchmark"}]
    places = asyncio.Semaphore(TASKS_AT_ONCE)
    async with aiohttp.ClientSession(raise_for_status=True) as session:

        async def create() -> str:
            async with (
                places,
                session.post(f"http://127.0.0.1:{port}/v2/user-tasks", json=body) as answer,
            ):
                return str((await answer.json())["userTaskKey"])

        return list(await asyncio.gather(*(create() for _ in range(count))))


async def measured(command: Sequence[str], plan: dict[str, Any]) -> dict[str, Any]:
    """What a client says after following a plan."""
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        cwd=TOP,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await client.communicate(orjson.dumps(plan))
    if client.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {client.returncode}")
    answer: dict[str, Any] = orjson.loads(output)
    return answer


async def _databases(postgres: PostgresServer) -> str:
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE DATABASE signoff_floor")
    await connection.close()
    return postgres.dsn


async def _http_floor(stack: AsyncExitStack, postgres: PostgresServer, data: Path) -> Floor:
    dsn = postgres.dsn_of("signoff_floor")
    child, first = await _floor(stack, data, "http", dsn)
    assert postgres.pid is not None
    return Floor(
        "ASGI + one transaction a batch",
        ("tests.benchmarks.client",),
        int(first),
        {"floor": child.pid, "PostgreSQL": postgres.pid},
    )


async def _kafka_floor(stack: AsyncExitStack, kafka: KafkaServer, data: Path) -> Floor:
    child, _ = await _floor(stack, data, "echo", kafka.bootstrap)
    assert kafka.pid is not None
    return Floor(
        "aiokafka request and reply",
        ("tests.benchmarks.floors", "ask", kafka.bootstrap),
        0,
        {"floor": child.pid, "Kafka": kafka.pid},
    )


async def _floor(stack: AsyncExitStack, data: Path, kind: str, address: str) -> tuple[Child, str]:
    """The floor's process and its first line, once it has written one."""
    command = [sys.executable, "-m", "tests.benchmarks.floors", kind, address]
    child = await _start(stack, data, f"floor-{kind}", command, {})
    said = data / f"floor-{kind}.log"
    async with asyncio.timeout(READY_SECONDS):
        while not (text := said.read_text()).endswith("\n"):
            assert child.returncode is None, f"see {said}"
            await asyncio.sleep(0.05)
    return child, text.splitlines()[-1]


async def _worker(stack: AsyncExitStack, data: Path, port: int) -> Child:
    settings = {
        "SIGNOFF_GATEWAY_URL": f"http://127.0.0.1:{port}",
        "SIGNOFF_WORKER_CONCURRENCY": str(WORKER_CONCURRENCY),
    }
    return await _run(stack, data, "worker", ["worker", LISTENERS], settings)


async def _run(
    stack: AsyncExitStack,
    data: Path,
    name: str,
    arguments: Sequence[str],
    settings: Mapping[str, str],
) -> Child:
    command = [sys.executable, "-m", "signoff", *arguments]
    return await _start(stack, data, name, command, settings)


async def _start(
    stack: AsyncExitStack,
    data: Path,
    name: str,
    command: Sequence[str],
    settings: Mapping[str, str],
) -> Child:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SIGNOFF_")}
    with (data / f"{name}.log").open("wb") as output:
        child = Child.start(
            command,
            environment={**clean, **settings, "PYTHONPATH": str(TOP)},
            output=output,
            at_our_death=signal.SIGTERM,
        )
    stack.push_async_callback(child.stop, (signal.SIGTERM, 10.0))
    return child


async def _answers(port: int) -> None:
    async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/v2/status") as answer:
                    if answer.status == 204:
                        return
            await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
