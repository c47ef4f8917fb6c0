"""`signoff dev` and `deploy/local` as real processes, as a user starts them."""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from signoff_process.kafka_server import KafkaServer
from signoff_process.postgres_server import PostgresServer
from tests.support.processes import Process, until

READY_SECONDS = 120
RESTART_SECONDS = 90
"""Kafka alone may need half a minute on a busy machine."""
IMPATIENT = {"SIGNOFF_REQUEST_TIMEOUT": "1"}
"""Callers are told 504 while a takeover is still under way: those commands have to settle."""


@contextmanager
def home(name: str) -> Iterator[Path]:
    """A new folder with a short path, so that sockets fit in; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"signoff-{name}-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port to listen on later. Not one that the system gives to whoever connects meanwhile."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(10_000, max(lowest, 20_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def is_ready(url: str, brokers: int = 1) -> bool:
    """Whether a gateway takes commands and sees so many brokers and an owner of each partition."""
    timeout = aiohttp.ClientTimeout(2)
    with suppress(aiohttp.ClientError, TimeoutError):
        async with (
            aiohttp.ClientSession(url, timeout=timeout, raise_for_status=True) as session,
            session.get("/v2/status"),
            session.get("/v2/topology") as answer,
        ):
            seen = await answer.json()
            owned = sum(len(each["partitions"]) for each in seen["brokers"])
            return len(seen["brokers"]) >= brokers and bool(owned == seen["partitionsCount"])
    return False


class Dev:
    """`signoff dev` on one data folder and port, start after start."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.database_url = PostgresServer(folder / "data" / "postgres").dsn
        arguments = ["signoff", "dev", "--no-demo", "--data", str(folder / "data")]
        arguments += ["--port", str(port)]
        self.process = Process(arguments, settings, folder / "dev.log")

    async def start(self) -> float:
        """Returns how many seconds it took until it was ready."""
        self.process.start()

        async def ready() -> bool:
            assert self.process.runs, f"signoff dev ended: {self.process.written()}"
            return await is_ready(self.url)

        return await until(ready, READY_SECONDS, lambda: f"ready: {self.process.written()}")

    @property
    def postgres_pid(self) -> int:
        written = self.folder / "data" / "postgres" / "data" / "postmaster.pid"
        return int(written.read_text().splitlines()[0])


@dataclass
class Servers:
    """PostgreSQL and Kafka of the test's own, which a stack is given."""

    postgres: PostgresServer
    kafka: KafkaServer


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Servers]:
    """Started together; stopped in the end, whatever happened to them."""
    made = Servers(PostgresServer(folder / "postgres"), KafkaServer(folder / "kafka"))
    try:
        await asyncio.gather(made.postgres.start(), made.kafka.start())
        yield made
    finally:
        await asyncio.gather(made.postgres.stop(), made.kafka.stop())


@dataclass
class LocalStack:
    """`deploy/local` on one data folder. Give it servers, or it runs its own."""

    folder: Path
    given: Servers | None = None
    arguments: tuple[str, ...] = ("--restart",)
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    gateways: list[str] = field(default_factory=list[str])
    database_url: str = ""
    kafka: str = ""

    def __post_init__(self) -> None:
        settings = dict(self.settings)
        if self.given is not None:
            self.database_url = self.given.postgres.dsn
            self.kafka = self.given.kafka.bootstrap
            settings["SIGNOFF_DATABASE_URL"] = self.database_url
            settings["SIGNOFF_KAFKA"] = self.kafka
        data = ["signoff.local", "--data", str(self.folder / "stack"), "--port", "0"]
        self.process = Process([*data, *self.arguments], settings, self.folder / "stack.log")

    async def start(self) -> None:
        self.process.start()

        def listed() -> bool:
            assert self.process.runs, f"deploy/local ended: {self.written()}"
            return (self.folder / "stack" / "stack.json").exists()

        await until(listed, 2 * READY_SECONDS, lambda: f"stack.json is there: {self.written()}")
        for each in self.members().values():
            name, addresses = each["name"], each["addresses"]
            if name.startswith("gateway"):
                self.gateways += addresses
            elif name == "postgres":
                self.database_url = addresses[0]
            elif name == "kafka":
                self.kafka = addresses[0]

    def members(self) -> dict[str, Any]:
        """What runs, by name: as `stack.json` says."""
        listed = json.loads((self.folder / "stack" / "stack.json").read_text())
        return {each["name"]: each for each in listed["processes"]}

    def pid(self, name: str) -> int:
        return int(self.members()[name]["pid"])

    def kill(self, name: str) -> int:
        """`kill -9`; returns the pid that it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    async def back(self, name: str, dead: int) -> None:
        """Wait until a member runs again, under another pid."""

        def again() -> bool:
            found = self.members().get(name)
            return found is not None and found["pid"] != dead

        await until(again, RESTART_SECONDS, lambda: f"{name} runs again: {self.written()}")

    async def ready(self) -> None:
        """Wait until each gateway sees all brokers that run, and an owner of every partition."""

        async def ready() -> bool:
            brokers = sum(name.startswith("broker") for name in self.members())
            return all([await is_ready(url, brokers) for url in self.gateways])

        await until(ready, READY_SECONDS, lambda: f"ready: {self.written()}")

    async def owner(self, partition: int) -> str:
        """The name of the broker that has a partition."""
        statement = """
            SELECT brokers.pid FROM leases JOIN brokers ON brokers.id = leases.owner
            WHERE partition_id = $1 AND leases.expires_at > clock_timestamp()
        """
        by_pid = {each["pid"]: name for name, each in self.members().items()}
        owners: list[str] = []

        async def found() -> bool:
            row = await connection.fetchrow(statement, partition)
            if row is not None and row[0] in by_pid:
                owners.append(by_pid[row[0]])
            else:
                by_pid.update({each["pid"]: name for name, each in self.members().items()})
            return bool(owners)

        connection = await asyncpg.connect(self.database_url)
        try:
            await until(found, RESTART_SECONDS, f"partition {partition} has an owner")
        finally:
            await connection.close()
        return owners[-1]

    def written(self) -> str:
        """The last lines of every log, for the message of a failure."""
        logs = [self.process.log, *(self.folder / "stack").glob("*.log")]
        tails = (
            f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            for log in logs
            if log.exists()
        )
        return "\n".join(tails)
