"""The roles that are always there, and what grants of one vocabulary mean in the engine's."""

from collections.abc import Iterable, Mapping
from typing import Final

from signoff_schemas.limits import INT64_MAX
from signoff_schemas.principal import ADMIN, ANY, Grant

PROCESS: Final = "PROCESS_DEFINITION"
JOB: Final = "JOB"
RESOURCE: Final = "RESOURCE"
WORKFLOW: Final = "WORKFLOW_DEF"
TASK: Final = "TASK_DEF"
RULE: Final = "TASK_RULE"
"""A task definition as such: a grant on ``TASK`` is also one on what people have to do by it."""
FORM: Final = "USER_FORM_TEMPLATE"

ADMIN_ROLE: Final = "ADMIN"
BUILT_IN: Final[Mapping[str, tuple[Grant, ...]]] = {
    ADMIN_ROLE: (),
    "USER": (Grant(PROCESS, ANY, ("CREATE_PROCESS_INSTANCE",)),),
    "USER_READ_ONLY": (
        Grant(WORKFLOW, ANY, ("READ",)),
        Grant(TASK, ANY, ("READ",)),
        Grant(FORM, ANY, ("READ",)),
    ),
    "WORKER": (),
    "UNRESTRICTED_WORKER": (Grant(TASK, ANY, ("EXECUTE",)),),
    "METADATA_MANAGER": (
        Grant(WORKFLOW, ANY, ("CREATE", "READ", "UPDATE", "DELETE")),
        Grant(TASK, ANY, ("CREATE",)),
        Grant(RULE, ANY, ("UPDATE", "DELETE")),
        Grant(FORM, ANY, ("CREATE", "READ", "UPDATE", "DELETE")),
    ),
    "METADATA_API": (
        Grant(WORKFLOW, ANY, ("CREATE", "READ", "UPDATE", "DELETE")),
        Grant(TASK, ANY, ("CREATE",)),
    ),
    "WORKFLOW_MANAGER": (Grant(WORKFLOW, ANY, ("READ", "EXECUTE")),),
}
"""What each role may do; an admin everything, a worker what it is granted by name."""

_MEANS: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    (WORKFLOW, "READ"): ((PROCESS, "READ_PROCESS_INSTANCE"),),
    (WORKFLOW, "EXECUTE"): (
        (PROCESS, "READ_PROCESS_INSTANCE"),
        (PROCESS, "CREATE_PROCESS_INSTANCE"),
        (PROCESS, "CANCEL_PROCESS_INSTANCE"),
    ),
    (WORKFLOW, "CREATE"): ((RESOURCE, "CREATE"),),
    (WORKFLOW, "UPDATE"): ((PROCESS, "READ_PROCESS_INSTANCE"), (RESOURCE, "CREATE")),
    (WORKFLOW, "DELETE"): ((PROCESS, "READ_PROCESS_INSTANCE"), (RESOURCE, "DELETE")),
    (TASK, "CREATE"): ((RULE, "CREATE"),),
    (TASK, "UPDATE"): ((RULE, "UPDATE"),),
    (TASK, "DELETE"): ((RULE, "DELETE"),),
    (TASK, "EXECUTE"): ((JOB, "UPDATE"),),
}
_DEFINITION_SUFFIX: Final = ".json"
"""Workflow definitions are deployed as resources of their name with this."""


def principal_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """The roles as a principal carries them: in lower case, the one that may do all included."""
    return tuple(sorted(map(_carried, set(roles))))


def _carried(role: str) -> str:
    if role == ADMIN_ROLE:
        return ADMIN
    # What is only written like it is not that role.
    return role.upper() if role.lower() == ADMIN else role.lower()


def principal_grants(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """The grants, and what they mean in the engine's words; of each resource one."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for grant in grants:
        verbs.setdefault((grant.kind, grant.target), set()).update(grant.verbs)
        for verb in grant.verbs:
            for kind, meant in _MEANS.get((grant.kind, verb), ()):
                verbs.setdefault((kind, _target(kind, grant.target)), set()).add(meant)
    return tuple(
        Grant(kind, target, tuple(sorted(found))) for (kind, target), found in sorted(verbs.items())
    )


def keys_among(targets: Iterable[str]) -> tuple[int, ...]:
    """The keys among what grants are on; what can be no key is left out, as it names nothing."""
    digits = [each for each in targets if each.isascii() and each.isdigit() and len(each) < 20]
    return tuple(sorted(key for key in map(int, digits) if key <= INT64_MAX))


def _target(kind: str, name: str) -> str:
    return name + _DEFINITION_SUFFIX if kind == RESOURCE and name != ANY else name
