"""What every store keeps of shared work, of processes with frames and of documents."""

from dataclasses import replace

import pytest

from signoff_broker.engine.state import Instance, Settings, Start
from signoff_broker.ports import Batch
from signoff_schemas.documents import RULES, DocumentDeleted, DocumentSet
from signoff_schemas.process_events import DefinitionDeleted, DefinitionDeployed, SettingsEvent
from signoff_schemas.values import ProcessReference, ProcessState, TaskState
from signoff_schemas.work import (
    Assignment,
    Ending,
    Exhaustion,
    Person,
    Policy,
    TaskRule,
    Trigger,
    TriggerEvent,
    Work,
)
from tests.adapters.entities import (
    NOW,
    a_process,
    a_step,
    a_task,
    a_transition,
    a_variable,
    batch_of,
    k,
)
from tests.adapters.store_contract import Take

GROUP = Person("sales", group=True, external=True)
POLICY = Policy(
    (Assignment(GROUP, 5), Assignment(Person("ann"))),
    Exhaustion.TERMINATE,
    auto_claim=True,
    triggers=(Trigger(TriggerEvent.CLAIMED, "p", 3, {"a": [1, {"ü": None}]}, "b-7"),),
)
WORK = Work(assignee=GROUP, index=1, skipped=(0,), due_at=NOW + 5)
START = Start(k(50), "p", -1, {"z": 1, "a": None}, "<default>", "b-7", "ann", 4)


class WorkContract:
    async def test_shared_work_comes_back_as_it_was(self, take: Take) -> None:
        store = (await take()).store
        task = a_task(
            state=TaskState.ASSIGNING,
            transition=a_transition(work=WORK, policy=POLICY, by="ann", of_output=True),
            work=WORK,
            policy=POLICY,
            logged=3,
            updated_at=NOW + 1,
            updated_by="ann",
            timed_out=True,
        )
        saved = a_variable(scope_key=task.key, name="approved", value=True)
        instance = Instance(a_process(), task, variables={task.key: {"approved": saved}})
        await store.commit(batch_of(instance))
        assert list((await store.load([task.key], [])).instances) == [instance]

        claimed = replace(
            task,
            state=TaskState.CREATED,
            transition=None,
            work=replace(WORK, claimant=Person("eve"), due_at=None),
            policy=None,
            logged=4,
            timed_out=False,
            updated_at=NOW + 2,
            updated_by="eve",
        )
        batch = Batch(steps=[a_step(2)], tasks={task.key: claimed}, worklist={task.key})
        await store.commit(batch)

        [loaded] = (await store.load([k(1)], [])).instances
        assert loaded.task == claimed

    async def test_a_process_in_a_frame_comes_back_as_it_was(self, take: Take) -> None:
        store = (await take()).store
        process = a_process(
            started_by="ann",
            descendants=4,
            due_at=NOW + 9,
            entered_at=NOW,
            retries=2,
            ending=Ending.FAILED,
            reason="no more",
            output={"b": 1, "a": None},
        )
        await store.commit(batch_of(Instance(process)))
        assert list((await store.load([k(1)], [])).instances) == [Instance(process)]

        late = replace(
            process,
            descendants=1,
            due_at=None,
            entered_at=NOW + 1,
            retries=1,
            ending=None,
            reason="",
            output={},
        )
        await store.commit(batch_of(Instance(late), a_step(2)))

        assert list((await store.load([k(1)], [])).instances) == [Instance(late)]

    async def test_what_is_due_of_every_kind(self, take: Take) -> None:
        store = (await take()).store
        tasks = [
            a_task(11, work=replace(WORK, due_at=NOW + 3)),
            a_task(12, work=replace(WORK, due_at=NOW + 2)),
            a_task(13, work=replace(WORK, due_at=NOW + 9)),
            a_task(14, work=replace(WORK, due_at=NOW, claimant=Person("ann"))),
            a_task(15, work=replace(WORK, due_at=NOW), state=TaskState.CLAIMING),
            a_task(16, work=replace(WORK, due_at=None)),
        ]
        processes = [
            a_process(21, due_at=NOW + 1),
            a_process(22, due_at=NOW, state=ProcessState.TERMINATING),
            a_process(23, due_at=NOW, state=ProcessState.COMPLETED, ended_at=NOW),
        ]
        batch = Batch(
            steps=[a_step()],
            tasks={each.key: each for each in tasks},
            processes={each.key: each for each in processes},
        )
        await store.commit(batch)

        due = await store.due(NOW + 3, 9)

        assert (list(due.tasks), list(due.processes)) == ([k(12), k(11)], [k(21)])
        assert list((await store.due(NOW + 3, 1)).tasks) == [k(12)]
        assert await store.next_due() == NOW + 1

    async def test_a_start_is_due_until_it_is_settled(self, take: Take) -> None:
        store = (await take()).store
        other = replace(START, key=k(51))
        await store.commit(Batch(steps=[a_step()], starts={START.key: START, other.key: other}))

        assert list((await store.due(0, 9)).starts) == [START, other]
        assert list((await store.due(0, 1)).starts) == [START]
        assert await store.next_due() == 0

        process = replace(a_process(), key=START.key, element_instance_key=k(1001))
        started = Batch(
            steps=[a_step(2)], starts={START.key: None}, processes={process.key: process}
        )
        await store.commit(started)
        assert list((await store.due(0, 9)).starts) == [other]
        assert [each.process for each in (await store.load([START.key], [])).instances] == [process]

        await store.commit(Batch(steps=[a_step(3)], starts={other.key: None}))
        assert await store.next_due() is None

    async def test_documents_are_settings(self, take: Take) -> None:
        store = (await take()).store
        rule = TaskRule(timeout_seconds=5, retries=1)

        def saved(
            kind: str, name: str, version: int, by: str = "ann", at: int = NOW
        ) -> DocumentSet:
            own = rule if kind == RULES else None
            return DocumentSet(
                kind=kind, id=name, version=version, content={"b": 1}, rule=own, by=by, at=at
            )

        events: list[SettingsEvent] = [
            saved("form", "f", 2, at=NOW - 1),
            saved("form", "f", 2, at=NOW + 1),
            saved("form", "f", 1),
            saved("form", "g", 1),
            saved(RULES, "r", 1),
            saved(RULES, "r", 1, "bob"),
            saved(RULES, "s", 1),
            DocumentDeleted(kind="form", id="g", version=1),
            DocumentDeleted(kind=RULES, id="s", version=1),
        ]
        await store.commit(Batch(steps=[a_step()], settings=events))

        settings = await store.settings()

        assert settings == Settings(
            version=len(events),
            documents={("form", "f"): {1: NOW, 2: NOW + 1}, (RULES, "r"): {1: NOW}},
            rules={"r": rule},
            rule_owners={"r": "ann"},
        )

    @pytest.mark.parametrize("highest_is_deleted", [True, False])
    async def test_a_definition_that_is_replaced_stays_for_what_runs_by_it(
        self, take: Take, *, highest_is_deleted: bool
    ) -> None:
        store = (await take()).store
        replaced: list[SettingsEvent] = [DefinitionDeleted(definition_key=k(11)), deployed(13, 1)]
        running = a_process(process=ProcessReference(k(11), "p", 1), standalone=None)
        first = Batch(steps=[a_step()], processes={running.key: running})
        first.settings += [deployed(11, 1), deployed(12, 2)]
        await store.commit(first)
        await store.commit(Batch(steps=[a_step(2)], settings=replaced))
        if highest_is_deleted:
            gone = DefinitionDeleted(definition_key=k(12))
            await store.commit(Batch(steps=[a_step(3)], settings=[gone]))

        settings = await store.settings()

        assert settings.definitions[k(11)].deleted
        assert settings.definitions[k(11)].deployed_by == "ann"
        assert not settings.definitions[k(13)].deleted
        assert settings.latest == {("t", "p"): k(13 if highest_is_deleted else 12)}

    async def test_a_definition_is_forgotten_when_nothing_runs_by_it_any_more(
        self, take: Take
    ) -> None:
        store = (await take()).store
        running = a_process(process=ProcessReference(k(11), "p", 1), standalone=None)
        first = Batch(steps=[a_step()], processes={running.key: running})
        first.settings += [
            deployed(11, 1),
            deployed(12, 2),
            DefinitionDeleted(definition_key=k(12)),
        ]
        await store.commit(first)
        gone = Batch(steps=[a_step(2)], settings=[DefinitionDeleted(definition_key=k(11))])
        await store.commit(gone)
        assert set((await store.settings()).definitions) == {k(11)}

        ended = replace(running, state=ProcessState.COMPLETED, ended_at=NOW)
        await store.commit(Batch(steps=[a_step(3)], processes={ended.key: ended}))

        assert not (await store.settings()).definitions

    async def test_a_definition_that_stays_is_not_read_again(self, take: Take) -> None:
        held = await take()
        await held.store.commit(Batch(steps=[a_step()], settings=[deployed(11, 1)]))
        before = await held.store.settings()
        await held.store.commit(Batch(steps=[a_step(2)], settings=[deployed(12, 2)]))

        after = await held.store.settings()

        assert set(after.definitions) == {k(11), k(12)}
        assert after.definitions[k(11)].graph is before.definitions[k(11)].graph


def deployed(counter: int, version: int) -> DefinitionDeployed:
    nodes = {"s": {"type": "end", "id": "s"}}
    return DefinitionDeployed(
        process=ProcessReference(k(counter), "p", version),
        resource_name="p.json",
        digest=f"d{counter}",
        tenant="t",
        graph={"process_id": "p", "start": "s", "nodes": nodes, "version": version},
        deployment_key=k(9),
        deployed_by="ann",
        at=NOW,
    )
