"""What the loop does with what comes: commands, credit, rubbish, timers, too little memory."""

import asyncio
from dataclasses import replace

import pytest

from signoff_broker.memory.store import MemoryDatabase, Partition
from signoff_broker.runtime.limits import Limits
from signoff_broker.runtime.signals import Fact
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import (
    AssignTask,
    CreateGlobalListener,
    CreateUserTask,
    UpdateTask,
)
from signoff_schemas.envelope import Entry
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.ids import command_id
from signoff_schemas.replies import OutcomeStatus, Reply, Waiting
from signoff_schemas.results import CompleteJob, Subscription
from signoff_schemas.topics import Inlet
from signoff_schemas.values import (
    GlobalListener,
    Inbox,
    Listener,
    ListenerEvent,
    TaskState,
)
from tests.support.broker import Caller, Stack, Worker, eventually, stack, working

PLAIN = UserTaskNode(id="plain", next="")
CHECKED = UserTaskNode(
    id="checked", next="", listeners=(Listener(ListenerEvent.ASSIGNING, "check"),)
)


async def created(caller: Caller, node: UserTaskNode = PLAIN) -> int:
    made = await caller.ask(CreateUserTask(node=node))
    return int(str(made.result["task_key"]))


async def until(made: Stack, position: int) -> None:
    await made.signals.until(Fact.COMMITTED, 1, position)


async def test_commands_on_a_task_are_applied_in_order() -> None:
    async with stack() as (made, caller):
        key = await created(caller)
        updates = [UpdateTask(task_key=key, changes={"priority": n}) for n in range(50)]
        entries = [caller.entry(update) for update in updates]
        for entry in entries:
            caller.send(entry)
        await caller.insist(entries[-1])
        assert made.rows.tasks[key].attributes.priority == 49
        stepped = [row.command_id for row in made.steps[1:51]]
        assert stepped == [entry.id for entry in entries]


async def test_a_listener_decides_and_the_caller_is_told_to_wait_meanwhile() -> None:
    async with stack() as (made, caller), working(Worker(made.log, "check")) as worker:
        key = await created(caller, CHECKED)
        outcome = await caller.ask(AssignTask(task_key=key, assignee="ann"))
        assert outcome.status is OutcomeStatus.APPLIED
        assert made.rows.tasks[key].attributes.assignee == "ann"
        assert [job.job_type for job in worker.jobs] == ["check"]
        waits = [each for each in caller.replies if isinstance(each, Waiting)]
        assert [each.job_type for each in waits] == ["check"]


async def test_rubbish_is_stepped_over_and_counted() -> None:
    async with stack() as (made, caller):
        made.log._partitions[1].append(Inlet.COMMANDS, b"no entry")
        misplaced = caller.entry(CompleteJob(job_key=1))
        made.log.append(Inlet.COMMANDS, misplaced)
        astray = caller.entry(CreateUserTask(node=PLAIN))
        made.log.append(Inlet.RESULTS, astray)
        nowhere = caller.entry(CreateUserTask(node=PLAIN), inbox=Inbox(99, "g"))
        made.log.append(Inlet.COMMANDS, nowhere)
        await created(caller)
        assert made.broker is not None
        assert made.broker.metrics.rubbish == 4
        assert len(made.rows.tasks) == 1


async def test_rubbish_alone_moves_the_offsets() -> None:
    async with stack() as (made, _):
        made.log._partitions[1].append(Inlet.COMMANDS, b"no entry")
        await until(made, 1)
        assert (made.steps[-1].commands_offset, made.steps[-1].command_id) == (1, "")


async def test_heartbeats_leave_at_most_one_row_a_second() -> None:
    async with stack(limits=Limits(idle_ms=20, marker_ms=60_000)) as (made, caller):
        worker = Worker(made.log, "check")
        async with working(worker):
            await created(caller)
            before = len(made.steps)
            await eventually(lambda: worker.beats >= 5)
            assert len(made.steps) <= before + 1
        await made.stop()
        assert made.steps[-1].results_offset == worker.beats


async def test_a_job_that_nobody_finished_in_time_comes_again() -> None:
    async with stack() as (made, caller):
        worker = Worker(made.log, "check")
        worker.timeout_ms = 50
        worker.keep = True
        async with working(worker):
            key = await created(caller, CHECKED)
            asking = asyncio.create_task(caller.ask(AssignTask(task_key=key, assignee="ann")))
            await worker.got_job.wait()
            worker.keep = False
            assert (await asking).status is OutcomeStatus.APPLIED
            assert len({job.job_key for job in worker.jobs}) == 1
            assert len({job.lease_token for job in worker.jobs}) > 1


async def test_goodbye_hands_jobs_to_the_next_worker_at_once() -> None:
    async with stack() as (made, caller):
        leaving = Worker(made.log, "check", name="leaving")
        leaving.keep = True
        async with working(leaving):
            key = await created(caller, CHECKED)
            asking = asyncio.create_task(caller.ask(AssignTask(task_key=key, assignee="ann")))
            await leaving.got_job.wait()
        leaving.leave()
        async with working(Worker(made.log, "check", name="next")) as following:
            assert (await asking).status is OutcomeStatus.APPLIED
            assert [job.job_key for job in following.jobs] == [leaving.jobs[0].job_key]


async def test_a_worker_without_credit_is_rung_and_sent_nothing() -> None:
    async with stack() as (made, caller):
        worker = Worker(made.log, "check", credit=0)
        async with working(worker):
            key = await created(caller, CHECKED)
            asking = asyncio.create_task(caller.ask(AssignTask(task_key=key, assignee="ann")))
            await eventually(lambda: worker.rings)
            assert worker.jobs == []
            assert [(each.partition, each.job_type) for each in worker.rings] == [(1, "check")]
            worker.credit = 1
            assert (await asking).status is OutcomeStatus.APPLIED


async def test_jobs_waiting_at_a_takeover_are_given_out_afterwards() -> None:
    async with stack() as (made, caller):
        key = await created(caller, CHECKED)
        asking = asyncio.create_task(caller.ask(AssignTask(task_key=key, assignee="ann")))
        await until(made, 2)
        await made.kill()
        made.begin()
        async with working(Worker(made.log, "check")):
            assert (await asking).status is OutcomeStatus.APPLIED


async def test_more_tasks_than_memory_holds() -> None:
    async with stack(limits=Limits(idle_ms=20, instances_max=3)) as (made, caller):
        keys = [await created(caller) for _ in range(10)]
        for key in keys:
            assert (await caller.ask(UpdateTask(task_key=key, changes={"priority": 7}))).status
        assert {task.attributes.priority for task in made.rows.tasks.values()} == {7}


async def test_large_variables_count_against_memory() -> None:
    limits = Limits(idle_ms=20, marker_ms=10, cache_bytes_max=100_000)
    async with stack(limits=limits) as (made, caller):
        for _ in range(5):
            command = CreateUserTask(node=PLAIN, variables={"text": "x" * 60_000})
            await caller.ask(command)
        assert made.broker is not None
        metrics = made.broker.metrics
        await eventually(lambda: metrics.partitions[1].position == made.steps[-1].position)
        assert metrics.partitions[1].cached <= 2


async def test_a_partition_sees_settings_that_another_changed() -> None:
    database = MemoryDatabase({1: Partition(), 2: Partition()})
    async with stack(database=database, log=MemoryLog(2, 2)) as (_, caller):
        listener = GlobalListener("all", "check", (ListenerEvent.ASSIGNING,))

        def at_two(body: CreateUserTask | AssignTask, name: str) -> Entry:
            return caller.entry(body, id=command_id(2, name), partition=2)

        made = await caller.insist(at_two(CreateUserTask(node=PLAIN), "create"))
        await caller.ask(CreateGlobalListener(listener=listener))
        key = int(str(made.result["task_key"]))
        caller.send(at_two(AssignTask(task_key=key, assignee="ann"), "assign"))
        await eventually(lambda: [w for w in caller.replies if isinstance(w, Waiting)])
        assert database.partitions[2].tasks[key].state is TaskState.ASSIGNING


async def test_a_repetition_among_new_commands_has_no_second_effect() -> None:
    async with stack() as (made, caller):
        key = await created(caller)
        updates = [UpdateTask(task_key=key, changes={"priority": n}) for n in range(4)]
        first, second, third, fourth = map(caller.entry, updates)
        await caller.insist(first)
        await caller.insist(second)

        repeated = first.model_copy(update={"request_id": "again"})
        for entry in (third, repeated, fourth):
            caller.send(entry)
        await caller.insist(fourth)

        assert made.rows.tasks[key].attributes.priority == 3
        ids = [row.command_id for row in made.steps]
        assert ids[1:] == [first.id, second.id, third.id, fourth.id]
        answers = [each.outcome for each in caller.replies if isinstance(each, Reply)]
        assert {each.status for each in answers} == {OutcomeStatus.APPLIED}
        assert "again" in {each.request_id for each in caller.replies}


async def test_a_repetition_that_would_be_refused_now_gets_its_first_outcome() -> None:
    async with stack(limits=Limits(idle_ms=20, waits_max=1)) as (made, caller):
        key, other = await created(caller, CHECKED), await created(caller, CHECKED)
        assign = caller.entry(AssignTask(task_key=key, assignee="ann"))
        async with working(Worker(made.log, "check")) as worker:
            assert (await caller.insist(assign)).status is OutcomeStatus.APPLIED
            worker.leave()
        waits = caller.entry(AssignTask(task_key=other, assignee="ann"))
        caller.send(waits)
        await eventually(lambda: waits.request_id in {each.request_id for each in caller.replies})

        refused = await caller.ask(AssignTask(task_key=key, assignee="bob"))
        assert refused.status is OutcomeStatus.REJECTED
        caller.send(assign.model_copy(update={"request_id": "again"}))
        await eventually(lambda: caller.replies[-1].request_id == "again")

        answer = caller.replies[-1]
        assert isinstance(answer, Reply)
        assert answer.outcome.status is OutcomeStatus.APPLIED


async def test_time_never_goes_back_when_a_partition_moves() -> None:
    async with stack() as (made, caller):
        await created(caller)
        ahead = made.steps[-1].now + 3_600_000
        made.rows.steps[-1] = replace(made.steps[-1], now=ahead)
        await made.kill()
        made.begin()
        await created(caller)
        assert made.steps[-1].now == ahead


async def test_a_clean_stop_leaves_nothing_undone() -> None:
    async with stack() as (made, caller):
        await created(caller)
        caller.send(caller.entry(CreateUserTask(node=PLAIN)))
        await until(made, 2)
        await made.stop()
        assert made.rows.relayed == made.steps[-1].position
        assert (made.rows.owner, made.rows.alive) == ("", False)


async def test_the_backlog_is_measured_per_job_type() -> None:
    async with stack() as (made, caller):
        key = await created(caller, CHECKED)
        caller.send(caller.entry(AssignTask(task_key=key, assignee="ann")))
        await until(made, 2)
        assert made.broker is not None
        metrics = made.broker.metrics
        await eventually(lambda: metrics.partitions[1].backlog.get("check", (0, 0))[1])
        [count, age] = metrics.partitions[1].backlog["check"]
        assert count == 1
        assert 0 < age < 60


@pytest.mark.parametrize("name", ["", "nul\x00", "lone\ud800", "x" * 2_000])
async def test_a_subscription_that_cannot_be_stored_is_rubbish(name: str) -> None:
    async with stack() as (made, caller):
        body = Subscription.model_construct(subscriber=name, inbox=0, grants=(), received=0)
        entry = caller.entry(CompleteJob(job_key=1)).model_copy(update={"body": body})
        made.log.append(Inlet.RESULTS, entry)
        await created(caller)
        assert made.broker is not None
        assert made.broker.metrics.rubbish == 1


async def test_results_and_commands_in_one_batch_move_both_offsets_past_all_of_them() -> None:
    async with stack() as (made, caller):
        for job_key in (1, 2, 3):
            caller.send(caller.entry(CompleteJob(job_key=job_key)), Inlet.RESULTS)
        await caller.ask(CreateUserTask(node=PLAIN))
        newest = made.steps[-1]
        assert (newest.commands_offset, newest.results_offset) == (1, 3)
