"""Which timers a batch gets: of every kind a share, and nothing that cannot be stored."""

from dataclasses import replace

import pytest

from signoff_broker.engine.state import Start
from signoff_broker.engine.world import Touched
from signoff_broker.memory.ownership import MemoryOwnership
from signoff_broker.memory.store import MemoryDatabase
from signoff_broker.ports import Batch, Store
from signoff_broker.runtime.due import DueTimers
from signoff_schemas.timers import ExpireAssignment, StartTriggered, TimeOutJob, TimeOutNode
from signoff_schemas.values import JobState
from signoff_schemas.work import Work
from tests.adapters.entities import NOW, a_job, a_process, a_step, a_task, k


@pytest.fixture
async def store() -> Store:
    ownership = MemoryOwnership(MemoryDatabase(), "broker")
    await ownership.heartbeat()
    held = await ownership.take(1)
    assert held is not None
    return held.store


def timers(store: Store, limit: int) -> DueTimers:
    return DueTimers(store, limit, lambda _: False)


def a_start(counter: int) -> Start:
    return Start(k(counter), "p", -1, {}, "<default>", "", "")


def waiting() -> Batch:
    """Five jobs and one of each other kind, all due."""
    jobs = [a_job(n, state=JobState.ACTIVATED, due_at=NOW + n) for n in range(10, 15)]
    task = a_task(20, work=Work(due_at=NOW))
    process = a_process(30, due_at=NOW)
    return Batch(
        steps=[a_step()],
        jobs={each.key: each for each in jobs},
        tasks={task.key: task},
        processes={process.key: process},
        starts={k(40): a_start(40)},
    )


async def test_no_kind_keeps_another_waiting(store: Store) -> None:
    await store.commit(waiting())
    due = timers(store, 4)
    await due.restore()

    taken = await due.take(NOW + 100)

    assert taken == [
        TimeOutJob(job_key=k(10)),
        ExpireAssignment(task_key=k(20)),
        TimeOutNode(process_instance_key=k(30)),
        StartTriggered(start_key=k(40)),
    ]
    assert due.starts == {k(40): a_start(40)}
    await due.settle(NOW + 100)
    assert due.wait_ms(NOW + 100) == 0


async def test_what_cannot_be_stored_is_left_alone_and_does_not_spin_the_loop(store: Store) -> None:
    await store.commit(waiting())
    due = timers(store, 20)
    await due.restore()
    for timer in await due.take(NOW + 100):
        due.shun(timer)

    assert await due.take(NOW + 100) == []

    await due.settle(NOW + 100)
    assert due.wait_ms(NOW + 100) == 1_000


async def test_what_is_due_and_stays_so_keeps_nothing_fresh_waiting(store: Store) -> None:
    await store.commit(waiting())
    due = timers(store, 20)
    await due.restore()
    for timer in await due.take(NOW + 100):
        due.shun(timer)
    await due.settle(NOW + 100)
    assert await due.take(NOW + 1_100) == []

    due.note(Touched(jobs={k(50): a_job(50, state=JobState.ACTIVATED, due_at=NOW + 1_150)}))
    await due.settle(NOW + 1_100)

    assert due.wait_ms(NOW + 1_100) == 50


async def test_what_a_step_made_due_is_asked_for_in_time(store: Store) -> None:
    due = timers(store, 4)
    await due.restore()
    task = a_task(work=Work(due_at=NOW + 50))
    process = a_process(due_at=NOW + 40)

    due.note(Touched(tasks={task.key: task}))
    assert due.wait_ms(NOW) == 50
    due.note(Touched(processes={process.key: process}))
    assert due.wait_ms(NOW) == 40
    due.note(Touched(processes={process.key: replace(process, due_at=None)}))
    assert due.wait_ms(NOW) == 40
    due.note(Touched(starts={k(40): None}))
    assert due.wait_ms(NOW) == 40
    due.note(Touched(starts={k(40): a_start(40)}))
    assert due.wait_ms(NOW) == 0
