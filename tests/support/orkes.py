"""Tasks and documents that a scripted read side gives, and the shapes that tests compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from signoff_gateway.reads.work import DocumentRow, FoundWork, SeenBy, WorkQuery, WorkTaskRow
from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.work import (
    Action,
    ActionKind,
    Assignment,
    LogEntry,
    Person,
    Policy,
    Work,
    WorkState,
)
from tests.support.gateway import ScriptedReads

TASK = key_of(1, 7)
TASK_ID = uuid_of(TASK)
WORKFLOW = key_of(1, 4)
WORKFLOW_ID = uuid_of(WORKFLOW)
JANE = Person("jane")
JOHN = Person("john")
STAFF = Person("staff", group=True)


def definition(*assignees: dict[str, str], **more: object) -> dict[str, object]:
    """A raw definition as a workflow has it."""
    chain = [{"assignee": each, "slaMinutes": 0} for each in assignees]
    return {"displayName": "Check it", "assignments": chain, **more}


def assigned(at: int, person: Person | None) -> Action:
    kind = ActionKind.ASSIGNMENTS_COMPLETED if person is None else ActionKind.ASSIGNMENT
    return Action(kind, WorkState.ASSIGNED, at, assignee=person)


def claimed(at: int, assignee: Person | None, claimant: Person, by: str) -> Action:
    return Action(ActionKind.CLAIM, WorkState.CLAIMED, at, by, assignee, claimant)


def task(  # noqa: PLR0913 - what tests tell apart
    state: WorkState = WorkState.ASSIGNED,
    work: Work = Work(JANE, index=0),  # noqa: B008
    *,
    raw: dict[str, object] | None = None,
    policy: Policy | None = Policy((Assignment(JANE, 0),)),  # noqa: B008
    log: Sequence[LogEntry] = (assigned(1000, JANE),),
    inputs: dict[str, object] | None = None,
    output: dict[str, object] | None = None,
    **more: object,
) -> WorkTaskRow:
    """A task of a workflow."""
    given = definition({"userType": "CONDUCTOR_USER", "user": "jane"}) if raw is None else raw
    members: dict[str, object] = {
        "key": TASK,
        "process_instance_key": WORKFLOW,
        "element_instance_key": key_of(1, 6),
        "definition_key": key_of(1, 3),
        "process_id": "loan",
        "process_version": 2,
        "node_id": "check_ref",
        "definition_name": "check",
        "display_name": "Check it",
        "state": state,
        "work": work,
        "policy": policy,
        "input": {"_createdBy": "boss", "__humanTaskDefinition": given, **(inputs or {})},
        "output": output or {},
        "log": tuple(log),
        "created_by": "boss",
        "updated_by": "",
        "created_at": 990,
        "updated_at": 1000,
        "completed_at": None,
        "tenant": "<default>",
        "owners": ("boss",),
    }
    return WorkTaskRow(**{**members, **more})  # type: ignore[arg-type]


def document(kind: str, name: str, version: int, content: dict[str, object]) -> DocumentRow:
    return DocumentRow(kind, name, version, content, 100, "boss", 200, "jane")


@dataclass
class WorkReads:
    """The read side of human tasks, as a test fills it."""

    tasks: dict[int, WorkTaskRow] = field(default_factory=dict)
    kept: list[DocumentRow] = field(default_factory=list)
    asked: list[Sequence[int]] = field(default_factory=list)
    queries: list[WorkQuery] = field(default_factory=list)
    names: list[SeenBy | None] = field(default_factory=list)

    def put(self, *rows: WorkTaskRow) -> None:
        self.tasks.update({each.key: each for each in rows})

    async def work_tasks(self, keys: Sequence[int], _: object) -> dict[int, WorkTaskRow]:
        self.asked.append(keys)
        return {key: self.tasks[key] for key in keys if key in self.tasks}

    async def work_task_at(self, instance: int, node: str, _: object) -> WorkTaskRow | None:
        found = [
            each
            for each in self.tasks.values()
            if (each.process_instance_key, each.node_id) == (instance, node)
        ]
        return found[-1] if found else None

    async def search_work(self, query: WorkQuery, _: object) -> FoundWork:
        self.queries.append(query)
        return FoundWork(tuple(self.tasks.values()), len(self.tasks))

    async def display_names(self, seen_by: SeenBy | None, _: object) -> list[str]:
        self.names.append(seen_by)
        return ["A", "B"]

    async def documents(
        self, kind: str, identifier: str | None = None, version: int | None = None
    ) -> list[DocumentRow]:
        found = [
            each
            for each in self.kept
            if each.kind == kind
            and identifier in {None, each.id}
            and version in {None, each.version}
        ]
        return sorted(found, key=lambda each: (each.id, -each.version))


def fill(reads: ScriptedReads) -> WorkReads:
    """Give a scripted read side tasks and documents."""
    work = WorkReads()
    for name in ("work_tasks", "work_task_at", "search_work", "display_names", "documents"):
        setattr(reads, name, getattr(work, name))
    return work
