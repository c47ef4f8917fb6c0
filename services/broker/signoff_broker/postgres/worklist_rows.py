"""Tasks as rows of work lists: pure.

Column orders are those of ``sql/worklist.sql``.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from signoff_broker.engine.state import UserTask, Variable
from signoff_broker.engine.work_states import work_of, work_state
from signoff_broker.postgres.rows import text_array
from signoff_schemas.ids import uuid_of
from signoff_schemas.limits import NAME_MAX
from signoff_schemas.work import Work, WorkState

Row = tuple[object, ...]
Documents = Mapping[int, Mapping[str, str]]
"""Scope key → name → JSON."""

_OPEN: Final = (WorkState.PENDING, WorkState.ASSIGNED)
_NONE: Final = text_array(())
VALUE_MAX: Final = 8 * 1024
"""Characters of JSON beyond which a value is not searched for."""
DOCUMENT_MAX: Final = 32 * 1024
"""The same, of all values that are written at once."""


def documents_of(variables: Iterable[Variable]) -> Documents:
    """What these variables say, by scope, without what is too long to be searched for."""
    documents: dict[int, dict[str, str]] = {}
    for each in variables:
        text = orjson.dumps(each.value).decode()
        if len(text) <= VALUE_MAX:
            documents.setdefault(each.scope_key, {})[each.name] = text
    return documents


def is_said(task: UserTask, documents: Documents) -> bool:
    """Whether there is something to write of the task's input or output."""
    return task.element_instance_key in documents or task.key in documents


def update(task: UserTask) -> Row:
    """What of a listed task can change."""
    work = work_of(task)
    assignee, claimant = work.assignee, work.claimant
    return (
        task.key,
        work_state(task),
        "" if assignee is None else assignee.id,
        assignee is not None and assignee.group,
        assignee is not None and assignee.external,
        "" if claimant is None else claimant.id,
        claimant is not None and claimant.external,
        *_open_to(task, work),
        task.updated_at,
    )


def _open_to(task: UserTask, work: Work) -> Row:
    """Who may take it, and who are the candidates."""
    users, groups = task.attributes.candidate_users, task.attributes.candidate_groups
    is_free = work.assignee is None and work.claimant is None and work_state(task) in _OPEN
    if not is_free:
        return "", _NONE, _NONE
    if users or groups or task.policy is None or not task.policy.open_to_all:
        return "CANDIDATES", text_array(users), text_array(groups)
    return "ALL", _NONE, _NONE


def insert(task: UserTask) -> Row:
    """A listed task as a whole; the first column is the key of its instance."""
    profile = task.profile
    return (
        task.process_instance_key,
        *update(task),
        task.tenant,
        profile.rule or profile.element_id,
        profile.name[:NAME_MAX],  # of names that a BPMN model gives, which may be longer
        profile.element_id,
        task.process.process_id,
    )


def assignee_update(task: UserTask) -> Row:
    """What may have changed of the texts although nothing was said."""
    assignee = work_of(task).assignee
    return (task.key, "" if assignee is None else assignee.id)


def text_update(task: UserTask, documents: Documents) -> Row:
    """What of a task's texts can change, and did."""
    scopes = (task.element_instance_key, task.key)
    return (*assignee_update(task), *(_json(documents.get(scope, {})) for scope in scopes))


def text_insert(task: UserTask, documents: Documents) -> Row:
    """A task's texts as a whole."""
    profile, keys = task.profile, (task.key, task.process_instance_key)
    names = [profile.name, profile.rule, profile.element_id, task.process.process_id]
    shapes = [shape for key in keys for shape in (str(key), uuid_of(key))]
    labels = " ".join([*names, *shapes, task.business_id])
    return (*text_update(task, documents), labels)


def _json(document: Mapping[str, str]) -> str:
    """The members in their order, until the object is too long."""
    size, parts = 0, list[str]()
    for name, value in document.items():
        member = f"{orjson.dumps(name).decode()}:{value}"
        size += len(member)
        if size <= DOCUMENT_MAX:
            parts.append(member)
    return "{" + ",".join(parts) + "}"
