"""People and policies for tests of shared work, and a task as they see it, in one line."""

from typing import Any

from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import work_state
from signoff_schemas.principal import ADMIN, Access, Principal
from signoff_schemas.work import Action, LogEntry, Person, Triggered
from signoff_schemas.work_commands import (
    FinishTask,
    ReassignTask,
    ReleaseTask,
    RemoveTask,
    SaveOutput,
    SkipAssignment,
    TakeTask,
)

ROOT = Principal("root", roles=(ADMIN,))
JOHN = Principal("john", groups=("g", "h"))
JANE = Principal("jane")
NOBODY = Access()


def user(name: str, minutes: int | None = None, **given: bool) -> dict[str, Any]:
    """An assignment, as a policy template gives it."""
    return {"assignee": {"id": name, **given}, "minutes": minutes}


def group(name: str, minutes: int | None = None, **given: bool) -> dict[str, Any]:
    return user(name, minutes, group=True, **given)


def take(key: int, who: str | Person, **given: Any) -> TakeTask:
    claimant = Person(who) if isinstance(who, str) else who
    groups = JOHN.groups if claimant == Person("john") else ()
    values: dict[str, Any] = {"claimant_groups": groups, "access": NOBODY, **given}
    return TakeTask(task_key=key, claimant=claimant, **values)


def release(key: int) -> ReleaseTask:
    return ReleaseTask(task_key=key, access=NOBODY)


def skip(key: int, reason: str = "") -> SkipAssignment:
    return SkipAssignment(task_key=key, reason=reason, access=NOBODY)


def reassign(key: int, *assignments: Any) -> ReassignTask:
    return ReassignTask(task_key=key, assignments=assignments, access=NOBODY)


def save(key: int, **output: object) -> SaveOutput:
    return SaveOutput(task_key=key, output=output, access=NOBODY)


def finish(key: int, **output: object) -> FinishTask:
    return FinishTask(task_key=key, output=output, access=NOBODY)


def remove(key: int) -> RemoveTask:
    return RemoveTask(task_key=key, access=NOBODY)


def told(person: Person | None) -> str:
    """``john``, ``group:g``, ``external:abc``, ``external group:abc``; ``-``: nobody."""
    if person is None:
        return "-"
    kind = " ".join(["external"] * person.external + ["group"] * person.group)
    return f"{kind}:{person.id}" if kind else person.id


def seen(task: UserTask) -> str:
    """State, assignee, claimant, index and whether the chain is through."""
    work = task.work
    assert work is not None
    index = "-" if work.index is None else str(work.index)
    through = " exhausted" if work.exhausted else ""
    return f"{work_state(task)} {told(work.assignee)} {told(work.claimant)} {index}{through}"


def line(entry: LogEntry) -> str:
    """Kind, state, who did it (``system``: the engine), assignee, claimant, reason."""
    if isinstance(entry, Triggered):
        return f"{entry.on} -> {entry.process_id}" + (f" ({entry.error})" if entry.error else "")
    assert isinstance(entry, Action)
    claimant = f" by {told(entry.claimant)}" if entry.claimant else ""
    reason = f" ({entry.reason})" if entry.reason else ""
    actor = entry.by or "system"
    return f"{entry.kind} {entry.state} {actor}: {told(entry.assignee)}{claimant}{reason}"
