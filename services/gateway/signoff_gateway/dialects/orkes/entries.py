"""Tasks as this dialect shows them: ``HumanTaskEntry`` with its definition, context and logs.

Members without a value are left out, as Conductor does.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from signoff_gateway.dialects.orkes.human_definitions import CREATED_BY, DEFINITION
from signoff_gateway.dialects.orkes.people import human_task_user, user_type_of
from signoff_gateway.reads.work import WorkTaskRow
from signoff_schemas.ids import uuid_of
from signoff_schemas.work import (
    Action,
    ActionKind,
    Assignment,
    Exhaustion,
    Triggered,
    TriggerEvent,
    WorkState,
)

JsonObject = dict[str, object]

CONTEXT: Final = "__humanTaskProcessContext"
LATEST_VERSION: Final = 0
"""What clients send for a form's version when they name none."""
_SYSTEM: Final = "system"
_CLAIMED: Final = "IN_PROGRESS"


def state_name(state: WorkState) -> str:
    """The state as clients know it."""
    return _CLAIMED if state is WorkState.CLAIMED else state


def search_entry(task: WorkTaskRow) -> JsonObject:
    """An element of search results: everything but the definition."""
    work = task.work
    members: JsonObject = {
        "createdBy": task.created_by,
        "updatedBy": task.updated_by or task.created_by,
        "taskId": uuid_of(task.key),
        "state": state_name(task.state),
        "definitionName": task.definition_name,
        "workflowId": uuid_of(task.process_instance_key),
        "workflowName": task.process_id,
        "taskRefName": task.node_id,
        "input": input_of(task),
        "output": task.output,
        "createdOn": task.created_at,
        "updatedOn": task.updated_at,
    }
    if task.display_name:
        members["displayName"] = task.display_name
    if work.assignee is not None:
        members["assignee"] = human_task_user(work.assignee)
    if work.claimant is not None:
        members["claimant"] = human_task_user(work.claimant)
    return members


def entry(
    task: WorkTaskRow, *, template: JsonObject | None = None, updated_on: int | None = None
) -> JsonObject:
    """A whole entry.

    Args:
        task: The task.
        template: The form that goes with it, if it is asked for.
        updated_on: What ``updatedOn`` is to say, if not when the task was changed last.
    """
    definition = human_task_definition(task)
    if template is not None:
        definition["fullTemplate"] = template
    members = search_entry(task)
    members["humanTaskDef"] = definition
    if updated_on is not None:
        members["updatedOn"] = updated_on
    return members


def input_of(task: WorkTaskRow) -> JsonObject:
    """What the task was given, and where it stands."""
    given: JsonObject = {CREATED_BY: task.created_by, **task.input}
    raw = given.get(DEFINITION)
    if isinstance(raw, dict) and _is_reassigned(task):
        members = cast("JsonObject", raw)
        given[DEFINITION] = {**members, "assignments": _assignments(task)}
    given[CONTEXT] = _context(task)
    return given


def human_task_definition(task: WorkTaskRow) -> JsonObject:
    """The definition in its own words, as far as they are known."""
    raw = _raw_definition(task)
    form = form_of(task)
    return _without_nothing(
        {
            "assignments": _assignments(task),
            "userFormTemplate": form and {"name": form[0], "version": form[1]},
            "taskTriggers": raw.get("taskTriggers"),
            "assignmentCompletionStrategy": _strategy(task),
            "displayName": task.display_name or raw.get("displayName"),
        }
    )


def form_of(task: WorkTaskRow) -> tuple[str, int] | None:
    """Name and version of the task's form; ``LATEST_VERSION`` if it names none."""
    given = _raw_definition(task).get("userFormTemplate")
    if not isinstance(given, dict):
        return None
    form = cast("JsonObject", given)
    name, version = form.get("name"), form.get("version")
    if not isinstance(name, str) or not name:
        return None
    if isinstance(version, bool) or not isinstance(version, int):
        return name, LATEST_VERSION
    return name, version


def _raw_definition(task: WorkTaskRow) -> Mapping[str, object]:
    raw = task.input.get(DEFINITION)
    return cast("JsonObject", raw) if isinstance(raw, dict) else {}


def _strategy(task: WorkTaskRow) -> str:
    policy = task.policy
    return (Exhaustion.LEAVE_OPEN if policy is None else policy.exhaustion).value


def _assignments(task: WorkTaskRow) -> Sequence[JsonObject]:
    chain = () if task.policy is None else task.policy.assignments
    return [_assignment(each) for each in chain]


def _assignment(assignment: Assignment) -> JsonObject:
    assignee = human_task_user(assignment.assignee)
    if assignment.minutes is None:
        return {"assignee": assignee}
    return {"assignee": assignee, "slaMinutes": assignment.minutes}


def _is_reassigned(task: WorkTaskRow) -> bool:
    return any(isinstance(line, Action) and line.kind is ActionKind.REASSIGN for line in task.log)


def _context(task: WorkTaskRow) -> JsonObject:
    work = task.work
    actions: list[JsonObject] = []
    triggers: list[JsonObject] = []
    for number, line in enumerate(task.log):
        identifier = _line_id(task.key, number)
        if isinstance(line, Action):
            actions.append(_action(line, identifier))
        else:
            triggers.append(_triggered(line, identifier))
    context: JsonObject = {
        "state": state_name(task.state),
        "lastUpdated": task.updated_at,
        "assigneeIndex": work.index,
        "assignmentsCompleted": work.exhausted,
        "skippedAssigneeIndexes": work.skipped,
        "humanTaskActionLogs": actions,
        "humanTaskTriggerLog": triggers,
    }
    if work.index is None:
        del context["assigneeIndex"]
    return context


def _action(line: Action, identifier: str) -> JsonObject:
    shown: JsonObject = {
        "id": identifier,
        "state": state_name(line.state),
        "stateStart": line.at,
    }
    if line.assignee is not None:
        shown["assignee"] = human_task_user(line.assignee)
    if line.claimant is not None:
        shown["claimant"] = human_task_user(line.claimant)
    shown["action"] = line.kind
    shown["actedBy"] = _acted_by(line)
    if line.reason:
        shown["reason"] = line.reason
    return shown


def _acted_by(line: Action) -> str:
    if not line.by:
        return _SYSTEM
    who = line.claimant
    is_claim = line.kind is ActionKind.CLAIM and who is not None
    return f"{user_type_of(who)}:{who.id}" if is_claim and who else line.by


def _triggered(line: Triggered, identifier: str) -> JsonObject:
    key = line.started_key
    return _without_nothing(
        {
            "id": identifier,
            "triggerType": _CLAIMED if line.on is TriggerEvent.CLAIMED else line.on,
            "triggeredAt": line.at,
            "workflowName": line.process_id,
            "workflowVersion": None if line.version < 0 else line.version,
            "startedWorkflowId": None if key is None else uuid_of(key),
            "error": line.error or None,
        }
    )


def _line_id(key: int, number: int) -> str:
    """In the shape of a random UUID, and the same each time that the line is shown."""
    digits = hashlib.md5(b"%d.%d" % (key, number), usedforsecurity=False).hexdigest()
    head, middle = f"{digits[:8]}-{digits[8:12]}", f"4{digits[13:16]}-8{digits[17:20]}"
    return f"{head}-{middle}-{digits[20:]}"


def _without_nothing(members: Mapping[str, object]) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
