"""An assignment that nobody claimed in time expires once, whoever dies or hands over meanwhile."""

from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest

from signoff_broker.postgres.migrate import migrate
from signoff_broker.postgres.ownership import Broker as Member
from signoff_broker.postgres.ownership import PostgresOwnership
from signoff_broker.runtime import supervisor
from signoff_broker.wiring import Broker
from signoff_process.clock import SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import Deploy, Resource, StartProcess
from signoff_schemas.task_events import TaskAssigned, TaskCreated
from signoff_schemas.templates import Frame, Value
from signoff_schemas.work import Action, ActionKind
from tests.conftest import FreshDatabase
from tests.support.broker import (
    GATEWAY,
    QUICK,
    SOON_SECONDS,
    Caller,
    Faults,
    Stack,
    at_every_call,
    buried,
    eventually,
    stack,
)
from tests.support.engine import a_task_node, process_of
from tests.support.processes import until
from tests.support.shared_work import user

MINUTE = 60_000
CHAIN = [user("ann", 1), user("bob", 1)]
TURN, EXPIRED, OPEN = "ASSIGNMENT", "ASSIGNMENT_EXPIRED", "ASSIGNMENTS_COMPLETED"
ALL = [TURN, EXPIRED, TURN, EXPIRED, OPEN]


class Skipping(SystemClock):
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """The time of day, and what was skipped."""
        return super().now_ms() + self.ahead_ms


def chain() -> Deploy:
    """A process whose only task is ann's for a minute, then bob's for another, then open."""
    graph = process_of(a_task_node(policy=Value(value={"assignments": CHAIN})), process_id="chain")
    framed = graph.model_copy(update={"frame": Frame("process")})
    return Deploy(resources=(Resource(name="chain", digest="1", processes=(framed,)),))


def turns_in_memory(made: Stack) -> list[ActionKind]:
    ended = [
        event
        for step in made.steps
        for event in step.events
        if isinstance(event, TaskCreated | TaskAssigned)
    ]
    return [line.kind for event in ended for line in event.log if isinstance(line, Action)]


async def turns(made: Stack, expected: Sequence[str]) -> None:
    """Wait until as much was done to the task, and compare it."""
    await eventually(lambda: len(turns_in_memory(made)) >= len(expected))
    assert turns_in_memory(made) == expected


async def survive(faults: Faults) -> None:
    clock = Skipping()
    async with stack(faults=faults, clock=clock) as (made, caller), buried(made, faults):
        await caller.ask(chain(), again=SOON_SECONDS)
        await caller.ask(StartProcess(process_id="chain"), again=SOON_SECONDS)
        for told in (ALL[:1], ALL[:3], ALL):
            await turns(made, told)
            clock.ahead_ms += MINUTE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die", [False, True], ids=["error", "death"])
async def test_it_expires_once_whatever_goes_wrong_at(
    *, after: bool, die: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0.005)
    await at_every_call(survive, after=after, die=die)


class Moving:
    """One broker after another on a real database; the log goes with each."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.clock = Skipping()
        self.caller = Caller(MemoryLog(1, 2))

    async def begin(self) -> None:
        self.log = self.caller.log = MemoryLog(1, 2)
        await self.log.on_replies(GATEWAY.partition, self.caller.receive)
        owner = PostgresOwnership(self.dsn, Member(str(uuid4()), "here", 1, "0"))
        await owner.ensure_partitions(1, 0)
        self.broker = Broker(self.log, owner, clock=self.clock, limits=QUICK)
        await self.broker.start()

    async def end(self) -> None:
        await self.broker.stop()
        await self.log.close()

    async def turns(self, expected: Sequence[str]) -> None:
        """Wait until the task's log has as many lines, and compare them."""
        connection = await asyncpg.connect(self.dsn)
        try:

            async def there() -> bool:
                return len(await self._lines(connection)) >= len(expected)

            await until(there, 60, f"{len(expected)} lines")
            assert await self._lines(connection) == list(expected)
        finally:
            await connection.close()

    async def _lines(self, connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
        rows = await connection.fetch(
            "SELECT entry->>'kind' FROM task_log ORDER BY task_key, number"
        )
        return [str(row[0]) for row in rows]


@pytest.mark.postgres
async def test_it_expires_at_the_next_owner_once(fresh_database: FreshDatabase) -> None:
    moving = Moving(await fresh_database(migrate))
    await moving.begin()
    await moving.caller.ask(chain())
    await moving.caller.ask(StartProcess(process_id="chain"))
    await moving.turns(ALL[:1])
    await moving.end()
    # The time is up while nobody has the partition, and then again while somebody has it.
    moving.clock.ahead_ms += MINUTE
    await moving.begin()
    await moving.turns(ALL[:3])
    moving.clock.ahead_ms += MINUTE
    await moving.turns(ALL)
    await moving.end()
    moving.clock.ahead_ms += MINUTE
    await moving.begin()
    await moving.caller.ask(StartProcess(process_id="chain"))
    await moving.turns([*ALL, ALL[0]])
    await moving.end()
