"""A gateway on a real socket, on the memory log, with a broker that does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uuid_utils
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from signoff_gateway.gateway import Gateway, GatewayValues
from signoff_gateway.reads import (
    BrokerRow,
    Cluster,
    CommandState,
    CommandStatus,
    PartitionRow,
    ReadsUnavailable,
)
from signoff_gateway.reads.work import DocumentRow
from signoff_process.clock import SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_schemas.codec import JobBatch, ReplyBatch
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import key_of
from signoff_schemas.jobs import ActivatedJob, JobPush, Ring
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply, Waiting
from signoff_schemas.results import (
    Goodbye,
    Subscription,
    YieldJob,
)
from signoff_schemas.values import GlobalListener, Inbox, JobKind, ProcessReference
from tests.support.contract import Contract

APPLIED = Outcome(status=OutcomeStatus.APPLIED)
Answers = Callable[[Entry], Outcome | str | None]
"""What a scripted broker does: an outcome, a job type that the command waits for, or silence."""
_UNANSWERED = (Subscription, Goodbye, YieldJob)
TASK = key_of(1, 7)


def apply(_: Entry) -> Outcome:
    """Everything is applied."""
    return APPLIED


def rejected(type_: RejectionType, code: Code, intent: str = "", **values: str) -> Outcome:
    """A refusal by the engine."""
    rejection = Rejection(type=type_, code=code, intent=intent, values=values)
    return Outcome(status=OutcomeStatus.REJECTED, rejection=rejection)


class ScriptedBroker:
    """Reads every partition of a memory log, keeps what came, and answers as it is told."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.answer: Answers = apply
        self.entries: list[Entry] = []
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for partition in range(1, self.log.partitions + 1):
            self._tasks.append(asyncio.create_task(self._read(partition)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def commands(self) -> list[Entry]:
        """What wants an answer."""
        return [each for each in self.entries if not isinstance(each.body, _UNANSWERED)]

    def bodies(self, kind: type) -> list:
        return [each.body for each in self.entries if isinstance(each.body, kind)]

    async def until(self, holds: Callable[[], object]) -> None:
        """Return once ``holds()`` is true; looked at whenever something came."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(holds)

    def reply(self, entry: Entry, outcome: Outcome = APPLIED) -> None:
        inbox = entry.inbox
        assert inbox is not None
        item = Reply(
            gateway=inbox.gateway,
            partition=entry.partition,
            request_id=entry.request_id,
            command_id=entry.id,
            outcome=outcome,
        )
        self._deliver(inbox, item)

    def hold(self, entry: Entry, job_type: str) -> None:
        inbox = entry.inbox
        assert inbox is not None
        item = Waiting(
            gateway=inbox.gateway,
            partition=entry.partition,
            request_id=entry.request_id,
            command_id=entry.id,
            job_type=job_type,
        )
        self._deliver(inbox, item)

    def push(self, subscription: Subscription, slot: str, *jobs: ActivatedJob) -> None:
        items = tuple(
            JobPush(subscriber=subscription.subscriber, slot=slot, job=job) for job in jobs
        )
        self.log.deliver(
            subscription.inbox, JobBatch(subscriber=subscription.subscriber, items=items)
        )

    def ring(self, subscription: Subscription, partition: int, job_type: str) -> None:
        ring = Ring(subscriber=subscription.subscriber, partition=partition, job_type=job_type)
        self.log.deliver(
            subscription.inbox, JobBatch(subscriber=subscription.subscriber, items=(ring,))
        )

    def _deliver(self, inbox: Inbox, item: Reply | Waiting) -> None:
        self.log.deliver(inbox.partition, ReplyBatch(gateway=inbox.gateway, items=(item,)))

    async def _read(self, partition: int) -> None:
        source = await self.log.source(partition, 0, 0)
        while True:
            for arrival in await source.fetch(1000, 60_000):
                assert arrival.entry is not None
                self._take(arrival.entry)
            async with self._changed:
                self._changed.notify_all()

    def _take(self, entry: Entry) -> None:
        self.entries.append(entry)
        if isinstance(entry.body, _UNANSWERED):
            return
        answer = self.answer(entry)
        if isinstance(answer, str):
            self.hold(entry, answer)
        elif answer is not None:
            self.reply(entry, answer)


@dataclass
class ScriptedReads:
    """The two reads that the command side needs."""

    partitions: int = 1
    owned: set[int] | None = None
    added_at: dict[int, int] = field(default_factory=dict)
    down: bool = False
    looks: int = 0
    """How often somebody asked for the cluster."""
    commands: dict[str, CommandStatus] = field(default_factory=dict)
    listeners: dict[str, GlobalListener] = field(default_factory=dict)

    async def cluster(self) -> Cluster:
        self.looks += 1
        if self.down:
            raise ReadsUnavailable
        everywhere = range(1, self.partitions + 1)
        owned = set(everywhere) if self.owned is None else self.owned
        return Cluster(
            brokers=(BrokerRow("b-1", "127.0.0.1", "8.10.0", alive=True),),
            partitions=tuple(
                PartitionRow(each, 1, "b-1" if each in owned else "", self.added_at.get(each, 0))
                for each in everywhere
            ),
        )

    async def command(self, identifier: str) -> CommandStatus:
        return self.commands.get(identifier, CommandStatus(CommandState.PENDING))

    async def documents(self, *_: object) -> list[DocumentRow]:
        return []

    async def global_listener(self, identifier: str) -> GlobalListener | None:
        return self.listeners.get(identifier)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        """Whatever else is read is not there."""

        async def nothing(*_: object) -> None:
            if self.down:
                raise ReadsUnavailable

        return nothing


@dataclass
class Stack:
    """What a test talks to and looks into."""

    broker: ScriptedBroker
    reads: ScriptedReads
    gateway: Gateway
    client: httpx.AsyncClient
    host: str
    port: int

    async def until(self, holds: Callable[[], object]) -> None:
        """Return once ``holds()`` is true of the gateway, which signals nothing to tests."""
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def raw(self, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of a client that does as it likes; ``parts`` are sent as they are."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        for part in parts:
            writer.write(part)
        await writer.drain()
        return reader, writer


_contracts: list[Contract] = []


def contract_of(gateway: Gateway) -> Contract:
    """The API's document, which is the same for all gateways."""
    if not _contracts:
        _contracts.append(Contract(gateway.dialects))
    return _contracts[0]


@asynccontextmanager
async def _served(gateway: Gateway) -> AsyncIterator[tuple[str, int]]:
    """Its address. uvicorn's protocol without uvicorn's server, whose end takes 0.15 s a test."""
    config = uvicorn.Config(
        gateway.asgi, log_config=None, access_log=False, server_header=False, date_header=False
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpToolsProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()
    server.close()
    for connection in list(state.connections):
        connection.shutdown()
    await gateway.stop()
    await asyncio.gather(*state.tasks)


@asynccontextmanager
async def running(
    values: GatewayValues = GatewayValues(),
    *,
    partitions: int = 1,
    owned: set[int] | None = None,
    force_encoding: bool = True,
    broker_of: Callable[[MemoryLog], Any] = ScriptedBroker,
    reads: ScriptedReads | None = None,
) -> AsyncIterator[Stack]:
    """A started gateway behind uvicorn, and its broker."""
    log = MemoryLog(partitions, 4, force_encoding=force_encoding)
    broker = broker_of(log)
    await broker.start()
    reads = reads or ScriptedReads(partitions, owned)
    gateway = Gateway(log, reads, SystemClock(), lambda: str(uuid_utils.uuid7()), values)  # type: ignore[arg-type]
    await gateway.start()
    async with (
        _served(gateway) as (host, port),
        httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            timeout=20,
            event_hooks={"response": [contract_of(gateway).check]},
            verify=False,  # nothing is, and loading the roots takes 35 ms
        ) as client,
    ):
        yield Stack(broker, reads, gateway, client, host, port)
    await broker.stop()
    await log.close()


def job(counter: int = 100, *, partition: int = 1, **more: object) -> ActivatedJob:
    """A service task's job as a partition pushes it."""
    plain = ActivatedJob(
        job_key=key_of(partition, counter),
        job_type="check",
        kind=JobKind.SERVICE_TASK,
        process=ProcessReference(key_of(1, 3), "order", 2, "Order"),
        process_instance_key=key_of(partition, 4),
        element_id="work",
        element_instance_key=key_of(partition, 5),
        worker="",
        retries=3,
        deadline=1_900_000_000_000,
        tenant="<default>",
        lease_token="17",
    )
    return plain.model_copy(update=more)


def problems(answers: Iterable[httpx.Response]) -> list[tuple[int, str]]:
    """Status and title of each."""
    return [(each.status_code, each.json()["title"]) for each in answers]
