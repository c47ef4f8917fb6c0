"""What every store keeps: run on memory and on a real PostgreSQL by who subclasses `StoreContract`.

A subclass gives the fixture `take`: it takes partition 1 as a new broker, whoever has it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from signoff_broker.engine.state import Instance, Settings, Stored
from signoff_broker.engine.world import Known, Outgoing, keys_in
from signoff_broker.ports import (
    Assumption,
    Batch,
    DataError,
    DueJob,
    Fenced,
    Held,
    HeldJob,
    WaitingJob,
)
from signoff_schemas.process_events import (
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
    ResourceDeployed,
)
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply, Waiting
from signoff_schemas.task_events import TaskUpdated, TransitionDenied
from signoff_schemas.topics import Inlet
from signoff_schemas.values import (
    Attributes,
    GlobalListener,
    IncidentState,
    JobState,
    ListenerEvent,
    ProcessReference,
    ProcessState,
    TaskState,
)
from signoff_schemas.work import Person, Work
from tests.adapters.entities import (
    APPLIED,
    HOUR,
    NOW,
    WITHDRAWN,
    a_job,
    a_process,
    a_step,
    a_task,
    a_transition,
    a_variable,
    an_incident,
    an_instance,
    batch_of,
    k,
)

DAY = 24 * HOUR
Take = Callable[[], Awaitable[Held]]


class StoreContract:
    async def test_an_instance_comes_back_as_it_was(self, take: Take) -> None:
        store = (await take()).store
        instance = an_instance()
        await store.commit(batch_of(instance))

        loaded = await store.load([instance.process.key], [])

        assert list(loaded.instances) == [instance]

    async def test_what_changed_comes_back_changed(self, take: Take) -> None:
        store = (await take()).store
        old = an_instance()
        await store.commit(batch_of(old))
        assert old.task
        assert old.job
        new = Instance(
            replace(
                old.process, state=ProcessState.TERMINATING, node_id="n", element_instance_key=k(8)
            ),
            replace(
                old.task,
                state=TaskState.CREATED,
                attributes=Attributes(),
                transition=None,
                work=Work(claimant=Person("ann")),
                action="update",
            ),
            replace(
                old.job,
                state=JobState.FAILED,
                retries=0,
                updated_at=NOW + 1,
                due_at=NOW + 5,
                worker="w",
                subscriber="s",
                lease_token="7",
                error_code="E",
                error_message="é\u2028",
                denied=True,
                denied_reason="no",
                priority=-3,
            ),
            old.incident,
            {k(1): {"amount": a_variable(value="changed")}, k(2): old.variables[k(2)]},
        )
        await store.commit(batch_of(new, a_step(2)))

        loaded = await store.load([k(3)], [])

        assert list(loaded.instances) == [new]

    @pytest.mark.parametrize(
        "value", [None, True, 0, -1.5, 1e300, "", "ü\u2028", [], {"b": 1, "a": 2}]
    )
    async def test_values_of_variables_come_back(self, take: Take, value: object) -> None:
        store = (await take()).store
        instance = Instance(a_process(), variables={k(1): {"amount": a_variable(value=value)}})
        await store.commit(batch_of(instance))

        [loaded] = (await store.load([k(1)], [])).instances

        assert repr(loaded.variables[k(1)]["amount"].value) == repr(value)

    @pytest.mark.parametrize("key", keys_in(an_instance()))
    async def test_an_instance_is_found_by_any_of_its_keys(self, take: Take, key: int) -> None:
        store = (await take()).store
        await store.commit(batch_of(an_instance()))
        await store.commit(batch_of(Instance(a_process(1011)), a_step(2, last_key=1020)))

        loaded = await store.load([key], [])

        assert [each.process.key for each in loaded.instances] == [k(1)]

    async def test_keys_of_one_instance_load_it_once_and_unknown_keys_nothing(
        self, take: Take
    ) -> None:
        store = (await take()).store
        await store.commit(batch_of(an_instance()))

        loaded = await store.load([k(1), k(3), k(4), k(999), k(3, 2), 0, -1, 2**70], [])

        assert [each.process.key for each in loaded.instances] == [k(1)]

    async def test_only_what_is_open_is_loaded(self, take: Take) -> None:
        store = (await take()).store
        instance = Instance(
            a_process(),
            a_task(state=TaskState.COMPLETED, completed_at=NOW),
            a_job(state=JobState.COMPLETED, ended_at=NOW),
            an_incident(state=IncidentState.RESOLVED, resolved_at=NOW),
        )
        await store.commit(batch_of(instance))
        assert list((await store.load([k(1)], [])).instances) == [Instance(a_process())]
        assert list((await store.load([k(3), k(4), k(5)], [])).instances) == []

        ended = a_process(state=ProcessState.COMPLETED, ended_at=NOW)
        await store.commit(batch_of(Instance(ended), a_step(2)))

        assert list((await store.load([k(1)], [])).instances) == []

    async def test_what_is_on_record_of_a_command(self, take: Take) -> None:
        store = (await take()).store
        mine = a_step(1, command_id="c1-done", fingerprint="f", outcome=APPLIED, subject_key=k(1))
        waits = a_step(2, command_id="c1-waits", fingerprint="g", subject_key=k(2))
        held = a_step(3, command_id="c1-held", fingerprint="h", subject_key=k(3))
        joined = a_step(4, command_id="c1-held", fingerprint="x", subject_key=k(3))
        decides = a_step(5, answers="c1-held", answered=APPLIED, subject_key=k(3))
        withdraws = a_step(
            6, command_id="c1-w", outcome=APPLIED, answers="c1-late", answered=WITHDRAWN
        )
        await store.commit(batch_of(None, mine, waits, held, joined, decides, withdraws))
        ids = ["c1-done", "c1-waits", "c1-held", "c1-late", "c1-unheard", "", "c1-\0", "c1-\ud800"]

        loaded = await store.load([], ids)

        assert loaded.known == {
            "c1-done": Known(APPLIED, "f", k(1)),
            "c1-waits": Known(None, "g", k(2)),
            "c1-held": Known(APPLIED, "h", k(3)),
            "c1-late": Known(WITHDRAWN, "", None),
        }

    async def test_a_commit_with_a_wrong_assumption_writes_nothing(self, take: Take) -> None:
        store = (await take()).store
        done = a_step(1, command_id="c1-done", last_key=0)
        decides = a_step(2, answers="c1-held", answered=APPLIED, last_key=0)
        await store.commit(batch_of(None, done, decides))
        version = (await store.load([], [])).settings_version
        for wrong in (
            Assumption(["c1-new", "c1-done"], version),
            Assumption(["c1-held"], version),
            Assumption(["c1-new"], version + 1),
        ):
            batch = batch_of(an_instance(), a_step(3, command_id="c1-new"))
            batch.assumed = wrong
            with pytest.raises(DataError):
                await store.commit(batch)
        assert not (await store.load([k(1)], ["c1-new"])).instances

        batch.assumed = Assumption(["c1-new", "c1-\0", "c1-\ud800"], version)
        await store.commit(batch)

        assert list((await store.load([k(1)], [])).instances) == [an_instance()]

    async def test_settings_and_their_version(self, take: Take) -> None:
        store = (await take()).store
        assert await store.settings() == Settings()
        nodes = {"s": {"type": "end", "id": "s"}}
        graph: dict[str, object] = {"process_id": "p", "start": "s", "nodes": nodes}
        deployed = [
            DefinitionDeployed(
                process=ProcessReference(k(10 + version), "p", version, "P"),
                resource_name="p.bpmn",
                digest=f"d{version}",
                tenant="t",
                graph=graph,
                content="<xml/>",
                deployment_key=k(9),
                at=NOW,
            )
            for version in (1, 2)
        ]
        form = FormDeployed(
            form_key=k(20),
            form_id="f",
            version=1,
            resource_name="f.form",
            digest="d",
            tenant="t",
            content="{}",
            deployment_key=k(9),
            at=NOW,
        )
        newer = form.model_copy(update={"form_key": k(21), "version": 2})
        note = ResourceDeployed(
            resource_key=k(30),
            name="note.txt",
            version=1,
            digest="d",
            tenant="t",
            content="Read me.",
            deployment_key=k(9),
            at=NOW,
        )
        newest = note.model_copy(update={"resource_key": k(31), "version": 2})
        one = GlobalListener("one", "check", (ListenerEvent.CREATING, ListenerEvent.UPDATING))
        two = GlobalListener("two", "check", (), 5, after_own=True, priority=9, configured=True)
        listeners = [
            GlobalListenerSet(listener=each) for each in (one, replace(two, retries=1), two)
        ]
        first = Batch(steps=[a_step()], settings=[*deployed, form, newer, note, newest, *listeners])
        await store.commit(first)
        await store.commit(Batch(steps=[a_step(2)], settings=[GlobalListenerDeleted(id="one")]))

        settings = await store.settings()

        assert settings.version == (await store.load([], [])).settings_version == 10
        assert set(settings.definitions) == {k(11), k(12)}
        assert settings.definitions[k(12)].graph.start == "s"
        assert settings.definitions[k(12)].digest == "d2"
        assert settings.latest == {("t", "p"): k(12)}
        assert settings.forms["t", "f"].key == k(21)
        assert settings.resources == {("t", "note.txt"): Stored(k(31), "note.txt", 2, "t", "d")}
        assert settings.global_listeners == {"two": two}

    async def test_the_queue_goes_by_priority_then_age(self, take: Take) -> None:
        store = (await take()).store
        jobs = [
            a_job(11, priority=0, created_at=NOW + 1),
            a_job(12, priority=9, created_at=NOW + 2),
            a_job(13, priority=9, created_at=NOW + 3, tenant="t"),
            a_job(14, job_type="other", created_at=NOW + 4),
            a_job(15, state=JobState.ACTIVATED, due_at=NOW + 9, subscriber="s"),
        ]
        await store.commit(Batch(steps=[a_step()], jobs={job.key: job for job in jobs}))

        queue = await store.waiting("check", 2)

        assert list(queue) == [
            WaitingJob(k(12), k(1), "check", 9, NOW + 2),
            WaitingJob(k(13), k(1), "check", 9, NOW + 3, "t"),
        ]
        assert [job.key for job in await store.waiting("check", 9)] == [k(12), k(13), k(11)]
        assert await store.waiting_types() == {"check": (3, NOW + 1), "other": (1, NOW + 4)}
        assert list(await store.held()) == [HeldJob(k(15), k(1), "s")]
        assert list(await store.waiting("no\0thing", 9)) == []

    async def test_due_jobs_come_earliest_first(self, take: Take) -> None:
        store = (await take()).store
        assert await store.next_due() is None
        jobs = [
            a_job(11, state=JobState.ACTIVATED, due_at=NOW + 3),
            a_job(12, state=JobState.BACKING_OFF, due_at=NOW + 2),
            a_job(13, state=JobState.ACTIVATED, due_at=NOW + 4),
            a_job(14, state=JobState.COMPLETED, due_at=NOW + 1, ended_at=NOW),
            a_job(15),
        ]
        await store.commit(Batch(steps=[a_step()], jobs={job.key: job for job in jobs}))

        assert list((await store.due(NOW + 3, 9)).jobs) == [
            DueJob(k(12), k(1), activated=False),
            DueJob(k(11), k(1), activated=True),
        ]
        assert [job.key for job in (await store.due(NOW + 9, 1)).jobs] == [k(12)]
        assert await store.next_due() == NOW + 2

    async def test_what_was_not_relayed_comes_back_as_it_was(self, take: Take) -> None:
        held = await take()
        updated = TaskUpdated(
            task_key=k(3),
            process_instance_key=k(1),
            attributes=Attributes("ann", due_date="x"),
            variables={"a": [1, None]},
            changed=("due_date",),
            at=NOW,
        )
        denied = TransitionDenied(
            task_key=k(3), process_instance_key=k(1), transition="update", attributes=Attributes()
        )
        reply = Reply(gateway="g", partition=1, request_id="r", command_id="c1-x", outcome=APPLIED)
        waiting = Waiting(gateway="g", partition=1, request_id="r", command_id="c1-y", job_type="t")
        steps = [
            a_step(
                1,
                inlet=Inlet.RESULTS,
                command_id="c1-x",
                request_id="r",
                fingerprint="f",
                principal="ann",
                subject_key=k(1),
                events=(updated, denied),
                messages=(Outgoing(7, reply), Outgoing(8, waiting)),
                outcome=APPLIED,
                answers="c1-y",
                answered=WITHDRAWN,
            ),
            a_step(2, quarantined="it failed", raw=b"\0\xff"),
            a_step(3),
        ]
        await held.store.commit(batch_of(None, *steps))

        assert list(await held.store.unrelayed(0, 2)) == steps[:2]
        assert list(await held.store.unrelayed(1, 9)) == steps[1:]

    async def test_a_successor_goes_on_after_the_newest_step(self, take: Take) -> None:
        first = await take()
        assert (first.recovery.position, first.recovery.last_key) == (0, 0)
        step = a_step(5, now=NOW, last_key=7, commands_offset=11, results_offset=12)
        await first.store.commit(batch_of(an_instance(), a_step(1, last_key=7)))
        await first.store.commit(batch_of(None, step))
        await first.store.relayed(4)
        await first.store.close()

        second = await take()

        found = second.recovery
        assert second.epoch > first.epoch
        assert (found.position, found.now, found.last_key) == (5, NOW, 7)
        assert (found.commands_offset, found.results_offset, found.relayed) == (11, 12, 4)
        assert list((await second.store.load([k(3)], [])).instances) == [an_instance()]

    async def test_a_zombie_writes_nothing(self, take: Take) -> None:
        zombie = await take()
        await zombie.store.commit(batch_of(an_instance()))
        owner = await take()
        task = a_task(action="zombie")

        with pytest.raises(Fenced):
            await zombie.store.commit(Batch(steps=[a_step(2)], tasks={task.key: task}))

        assert list((await owner.store.load([k(3)], [])).instances) == [an_instance()]
        assert len(await owner.store.unrelayed(0, 9)) == 1

    async def test_a_zombie_that_runs_into_its_successors_rows_is_fenced(self, take: Take) -> None:
        zombie = await take()
        owner = await take()
        await owner.store.commit(batch_of(an_instance()))

        with pytest.raises(Fenced):
            await zombie.store.commit(batch_of(an_instance()))

    @pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
    async def test_what_cannot_be_stored_is_a_data_error_and_nothing_is_written(
        self, take: Take, text: str
    ) -> None:
        store = (await take()).store
        await store.commit(batch_of(an_instance()))
        bad = batch_of(Instance(a_process(tags=("fine",)), a_task(action=text)), a_step(2))

        with pytest.raises(DataError):
            await store.commit(bad)

        assert list((await store.load([k(3)], [])).instances) == [an_instance()]
        await store.commit(batch_of(None, a_step(2)))
        assert len(await store.unrelayed(0, 9)) == 2

    async def test_a_number_that_json_cannot_hold_is_a_data_error(self, take: Take) -> None:
        store = (await take()).store
        variable = a_variable(value=2**70)

        with pytest.raises(DataError):
            await store.commit(Batch(steps=[a_step()], variables={variable.key: variable}))

        assert len(await store.unrelayed(0, 9)) == 0

    async def test_suspects_are_counted_until_acquitted(self, take: Take) -> None:
        store = (await take()).store
        assert await store.suspect(Inlet.COMMANDS, 7) == 1
        assert await store.suspect(Inlet.RESULTS, 7) == 1
        again = (await take()).store

        assert await again.suspect(Inlet.COMMANDS, 7) == 2

        await again.acquit()
        assert await again.suspect(Inlet.COMMANDS, 7) == 1

    async def test_pruning_keeps_the_newest_step_and_what_was_not_relayed(self, take: Take) -> None:
        store = (await take()).store
        await store.commit(batch_of(None, *[a_step(n, now=NOW + n) for n in range(1, 8)]))
        later = NOW + 5 * DAY

        await store.prune(later)
        assert [step.position for step in await store.unrelayed(0, 9)] == [1, 2, 3, 4, 5, 6, 7]

        await store.relayed(3)
        await store.prune(NOW + DAY + 3)
        assert [step.position for step in await store.unrelayed(0, 9)] == [3, 4, 5, 6, 7]

        await store.relayed(7)
        await store.prune(later)
        assert [step.position for step in await store.unrelayed(0, 9)] == [7]
        assert (await take()).recovery.position == 7

    async def test_pruning_keeps_a_command_on_record_for_as_long_as_it_waits(
        self, take: Take
    ) -> None:
        store = (await take()).store
        held = a_step(1, command_id="c1-held", subject_key=k(1))
        task = a_task(state=TaskState.UPDATING, transition=a_transition())
        waiting = replace(an_instance(), task=task)
        await store.commit(batch_of(waiting, held, a_step(2, command_id="c1-other")))
        await store.commit(batch_of(None, a_step(3)))
        await store.relayed(3)

        await store.prune(NOW + 2 * DAY)

        known = (await store.load([], ["c1-held", "c1-other"])).known
        assert known == {"c1-held": Known(None, "", k(1))}

        end = NOW + 2 * DAY
        applied = Outcome(status=OutcomeStatus.APPLIED)
        decided = a_step(4, now=end, answers="c1-held", answered=applied, subject_key=k(1))
        done = replace(task, state=TaskState.CREATED, transition=None)
        await store.commit(Batch(steps=[decided, a_step(5, now=end)], tasks={done.key: done}))
        await store.relayed(5)
        await store.prune(end + DAY)
        assert (await store.load([], ["c1-held"])).known["c1-held"].outcome == applied

        await store.prune(end + DAY + 1)
        assert not (await store.load([], ["c1-held"])).known

    async def test_pruning_drops_ended_instances_with_all_that_was_in_them(
        self, take: Take
    ) -> None:
        store = (await take()).store
        ended = a_process(state=ProcessState.COMPLETED, ended_at=NOW)
        task = a_task(state=TaskState.COMPLETED, completed_at=NOW)
        await store.commit(batch_of(replace(an_instance(), process=ended, task=task)))
        await store.commit(batch_of(Instance(a_process(1011)), a_step(2, last_key=1020)))
        await store.prune(NOW + 30 * DAY)
        assert len(await store.waiting("check", 9)) == 1

        await store.prune(NOW + 30 * DAY + 1)

        assert len(await store.waiting("check", 9)) == 0
        assert len((await store.load([k(1011)], [])).instances) == 1

    async def test_a_task_that_ends_takes_its_transition_along(self, take: Take) -> None:
        store = (await take()).store
        task = a_task(state=TaskState.COMPLETING, transition=a_transition(waiters=()))
        await store.commit(batch_of(Instance(a_process(), task)))
        [loaded] = (await store.load([k(1)], [])).instances
        assert loaded.task == task

        done = replace(task, state=TaskState.COMPLETED, transition=None, completed_at=NOW)
        await store.commit(Batch(steps=[a_step(2)], tasks={done.key: done}))

        assert list((await store.load([k(1)], [])).instances) == [Instance(a_process())]
