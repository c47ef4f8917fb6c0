"""The reserved headers of a listener job: what it is about, as texts."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from signoff_gateway.dialects.camunda.names import ATTRIBUTE_LABELS
from signoff_schemas.values import TaskSnapshot

PREFIX: Final = "io.camunda.zeebe:"


def job_headers(job_headers: Mapping[str, str], task: TaskSnapshot | None) -> dict[str, str]:
    """A job's custom headers: the model's own and, for a listener job, the reserved ones.

    Empty values are left out, and so is a priority of 0 or less, as the peer does.
    """
    headers = dict(job_headers)
    if task is not None:
        headers.update((PREFIX + name, text) for name, text in _reserved(task).items() if text)
    return headers


def _reserved(task: TaskSnapshot) -> dict[str, str]:
    attributes = task.attributes
    return {
        "action": task.action,
        "assignee": attributes.assignee,
        "candidateGroups": _listed(attributes.candidate_groups),
        "candidateUsers": _listed(attributes.candidate_users),
        "changedAttributes": _listed(sorted(map(ATTRIBUTE_LABELS.__getitem__, task.changed))),
        "dueDate": attributes.due_date,
        "followUpDate": attributes.follow_up_date,
        "formKey": "" if task.form_key is None else str(task.form_key),
        "priority": str(attributes.priority) if attributes.priority > 0 else "",
        "userTaskKey": str(task.task_key),
    }


def _listed(names: Sequence[str]) -> str:
    return orjson.dumps(names).decode() if names else ""
