"""The distributed stack as processes of one machine: what `deploy/local` runs."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from signoff.serving import AddressTaken, listen
from signoff.terminal import say
from signoff_process.child import Child, ChildError
from signoff_process.directory import DirectoryError, take
from signoff_process.kafka_server import KafkaServer, KafkaServerError
from signoff_process.postgres_server import PostgresServer, PostgresServerError

READY_SECONDS = 120
DRAIN_SECONDS = 8.0
RESTART_PAUSE_SECONDS = 0.2
PORTS = 1 << 16
_PATIENCE = aiohttp.ClientTimeout(2)


class StackError(RuntimeError):
    """The stack cannot run here; the message says what to change."""


class Runnable(Protocol):
    """What the stack can start, watch, stop, and start again at the same address."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        ...

    async def start(self) -> None:
        """Start it; also after it died."""
        ...

    async def wait(self) -> int:
        """Wait until it has ended and say how."""
        ...

    async def stop(self) -> None:
        """Stop it in its own order."""
        ...


class Program:
    """One `signoff …` process, its output in a log file."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self._command = (sys.executable, "-m", "signoff", *arguments)
        self._environment = {**os.environ, **settings}
        self._log = log
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def start(self) -> None:
        """Start it; it is told to end when this process dies. Raises: ChildError."""
        with self._log.open("ab") as output:
            self._child = Child.start(
                self._command,
                environment=self._environment,
                output=output,
                at_our_death=signal.SIGTERM,
            )

    async def wait(self) -> int:
        """Wait until it has ended and say how (negative: the signal)."""
        assert self._child is not None, "started before it is waited for"
        return await self._child.wait()

    async def stop(self) -> None:
        """Let it drain, then end it."""
        if self._child is not None:
            await self._child.stop((signal.SIGTERM, DRAIN_SECONDS))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and where."""

    data: Path
    host: str
    port: int
    """Of the first gateway; further gateways and the brokers follow. 0 takes free ones."""
    partitions: int
    brokers: int
    gateways: int
    kafka: str
    """An address that is given; empty: the stack runs one."""
    database_url: str
    restart: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the stack and its name in `stack.json`."""

    name: str
    runnable: Runnable
    addresses: tuple[str, ...] = ()


class Stack:
    """The processes of one machine: started in order, listed in `stack.json`, ended together."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._data = plan.data.absolute()
        self._members: list[Member] = []
        self._ready = False
        self.gateways: list[str] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Start everything, watch it until `stopping`, end it in the reverse order.

        Raises: StackError when something does not come up.
        """
        try:
            self._ports()
            lock = take(self._data)
        except (AddressTaken, DirectoryError) as error:
            raise StackError(str(error)) from error
        with lock:
            await self._run(stopping)

    async def _run(self, stopping: asyncio.Event) -> None:
        (self._data / "stack.json").unlink(missing_ok=True)
        watches: list[asyncio.Task[None]] = []
        try:
            await self._start_all(stopping)
            if stopping.is_set():
                return
            self._ready = True
            self._write()
            watches = [asyncio.create_task(self._watch(each)) for each in self._members]
            self._tell()
            await stopping.wait()
        except (AddressTaken, ChildError, KafkaServerError, PostgresServerError) as error:
            raise StackError(str(error)) from error
        finally:
            for each in watches:
                each.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            await self._stop_all()

    async def _start_all(self, stopping: asyncio.Event) -> None:
        settings = await self._servers()
        await self._finish("migrate", settings)
        say("schema is up to date")
        if self._plan.kafka:
            await self._finish("check", settings)
        ports = self._ports()
        for number, port in enumerate(ports[: self._plan.gateways], 1):
            url = f"http://{self._plan.host}:{port}"
            self.gateways.append(url)
            await self._launch("gateway", number, {**settings, "SIGNOFF_PORT": str(port)}, url)
        for number, port in enumerate(ports[self._plan.gateways :], 1):
            url = f"http://{self._plan.host}:{port}"
            await self._launch(
                "broker", number, {**settings, "SIGNOFF_BROKER_PORT": str(port)}, url
            )
        await self._until_ready(stopping)
        worker = {**settings, "SIGNOFF_GATEWAY_URL": self.gateways[0]}
        await self._launch("worker", 1, worker)

    async def _finish(self, command: str, settings: Mapping[str, str]) -> None:
        program = Program([command], settings, self._log(command))
        await program.start()
        if await program.wait() != 0:
            raise StackError(f"`signoff {command}` failed: see {self._log(command)}")

    async def _servers(self) -> dict[str, str]:
        """PostgreSQL and Kafka, ours or given; returns the settings that lead to them."""
        settings = {
            "SIGNOFF_PARTITIONS": str(self._plan.partitions),
            "SIGNOFF_HOST": self._plan.host,
        }
        database_url = self._plan.database_url
        if not database_url:
            postgres = PostgresServer(self._data / "postgres")
            await postgres.start()
            self._members.append(Member("postgres", postgres, (postgres.dsn,)))
            database_url = postgres.dsn
            say("PostgreSQL is up")
        bootstrap = self._plan.kafka
        if not bootstrap:
            kafka = KafkaServer(self._data / "kafka")
            await kafka.start()
            self._members.append(Member("kafka", kafka, (kafka.bootstrap,)))
            bootstrap = kafka.bootstrap
            say(f"Kafka is up at {bootstrap}")
        return {**settings, "SIGNOFF_DATABASE_URL": database_url, "SIGNOFF_KAFKA": bootstrap}

    async def _launch(
        self, kind: str, number: int, settings: Mapping[str, str], *urls: str
    ) -> None:
        name = f"{kind}-{number}"
        arguments = [kind, "signoff.demo:listeners"] if kind == "worker" else [kind]
        program = Program(arguments, settings, self._log(name))
        await program.start()
        self._members.append(Member(name, program, urls))

    async def _until_ready(self, stopping: asyncio.Event) -> None:
        """Every broker has joined and holds its share, and then every gateway has seen that."""
        say("waiting until every partition has its owner")
        try:
            async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
                while not stopping.is_set() and not await self._is_ready(session):
                    self._refuse_dead()
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise StackError(
                f"not ready within {READY_SECONDS} s: see {self._data}/*.log"
            ) from error

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        brokers = [each.addresses[0] for each in self._members if each.name.startswith("broker")]
        settled = await asyncio.gather(*(_is_settled(session, each) for each in brokers))
        if not all(settled):
            return False
        seen = await asyncio.gather(*(_owned(session, each) for each in self.gateways))
        return all(each == self._plan.partitions for each in seen)

    def _refuse_dead(self) -> None:
        for member in self._members:
            if member.runnable.pid is None:
                raise StackError(f"{member.name} ended at once: see {self._log(member.name)}")

    async def _watch(self, member: Member) -> None:
        """Report a death; with `--restart` start it again at the same address."""
        while True:
            code = await member.runnable.wait()
            say(f"{member.name} ended with {code}")
            self._write()
            if not self._plan.restart:
                return
            while member.runnable.pid is None:
                with suppress(ChildError, KafkaServerError, PostgresServerError):
                    await member.runnable.start()
                await asyncio.sleep(RESTART_PAUSE_SECONDS)
            say(f"{member.name} runs again, pid {member.runnable.pid}")
            self._write()

    async def _stop_all(self) -> None:
        """Workers first, servers last; those of one kind together."""
        if self._members:
            say("stopping")
        for kind in ("worker", "gateway", "broker", "kafka", "postgres"):
            await asyncio.gather(
                *(each.runnable.stop() for each in self._members if each.name.startswith(kind)),
                return_exceptions=True,
            )
        (self._data / "stack.json").unlink(missing_ok=True)

    def _write(self) -> None:
        """List what runs, in one step: a reader sees the old or the new file, never half of one."""
        if not self._ready:
            return
        processes = [
            {"name": each.name, "pid": each.runnable.pid, "addresses": list(each.addresses)}
            for each in self._members
            if each.runnable.pid is not None
        ]
        draft = self._data / "stack.json.new"
        draft.write_text(json.dumps({"processes": processes}, indent=1) + "\n")
        draft.replace(self._data / "stack.json")

    def _ports(self) -> list[int]:
        """Those of gateways and brokers, all of them free by now. Raises: AddressTaken."""
        first, count = self._plan.port, self._plan.gateways + self._plan.brokers
        if first + count > PORTS:
            raise AddressTaken(f"cannot listen on {count} ports from {first} on: there are too few")
        wanted = range(first, first + count) if first else [0] * count
        with ExitStack() as held:
            sockets = [held.enter_context(listen(self._plan.host, each)) for each in wanted]
            return [each.getsockname()[1] for each in sockets]

    def _log(self, name: str) -> Path:
        return self._data / f"{name}.log"

    def _tell(self) -> None:
        for member in self._members:
            say(f"{member.name:10} pid {member.runnable.pid}  {' '.join(member.addresses)}")
        say(f"ready: {self._data / 'stack.json'} lists the processes, logs are beside it")
        say(f"try: curl {self.gateways[0]}/v2/topology     Ctrl-C ends all")


async def _is_settled(session: aiohttp.ClientSession, broker: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(f"{broker}/ready", timeout=_PATIENCE) as answer:
            return answer.status == 204
    return False


async def _owned(session: aiohttp.ClientSession, gateway: str) -> int:
    """How many partitions a gateway sees an owner of."""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(f"{gateway}/v2/topology", timeout=_PATIENCE) as answer:
            answer.raise_for_status()
            return sum(len(each["partitions"]) for each in (await answer.json())["brokers"])
    return 0
