"""Rows of shared work, as a real store writes them."""

from dataclasses import replace

from signoff_broker.engine.state import Instance, UserTask
from signoff_schemas.documents import RULES, DocumentSet
from signoff_schemas.process_events import DefinitionDeployed
from signoff_schemas.values import Attributes, ProcessReference, TaskProfile
from signoff_schemas.work import Policy, TaskRule, Work
from tests.adapters.entities import NOW, a_process, a_task, a_variable, batch_of, k
from tests.support.reads import Written


def work_task(counter: int, **changes: object) -> UserTask:
    """Task ``counter`` of the process ``counter - 2``, given to nobody."""
    task = a_task(
        counter,
        process=ProcessReference(k(900), "order", 3),
        profile=TaskProfile("review", "Review order", rule="reviewing"),
        attributes=Attributes(),
        work=Work(exhausted=True),
        policy=Policy(),
        updated_at=NOW + counter,
        business_id="",
    )
    return replace(task, **changes)  # type: ignore[arg-type]


async def commit_task(
    rows: Written, task: UserTask, *, by: str = "eve", **variables: object
) -> None:
    """The task with its process; names that begin with ``out_`` are its output."""
    process = replace(a_process(), key=task.process_instance_key, started_by=by)
    process = replace(process, element_instance_key=task.element_instance_key)
    held = [
        a_variable(
            key=task.key + 10_000 * number,
            process_instance_key=process.key,
            scope_key=task.key if name.startswith("out_") else task.element_instance_key,
            name=name.removeprefix("out_"),
            value=value,
        )
        for number, (name, value) in enumerate(variables.items(), 1)
    ]
    batch = batch_of(Instance(process, task))
    batch.steps = []
    batch.variables = {each.key: each for each in held}
    await rows.commit(batch)


def deployed(counter: int, version: int, by: str = "ann") -> DefinitionDeployed:
    return DefinitionDeployed(
        process=ProcessReference(k(counter), "order", version),
        resource_name="order.json",
        digest="d",
        tenant="<default>",
        graph={"process_id": "order", "start": "s", "nodes": {"s": {"type": "end", "id": "s"}}},
        content='{"name": "order"}',
        deployment_key=k(9),
        deployed_by=by,
        at=NOW,
    )


def rule_by(name: str) -> DocumentSet:
    return DocumentSet(
        kind=RULES, id="reviewing", version=1, content={}, rule=TaskRule(), by=name, at=NOW
    )
