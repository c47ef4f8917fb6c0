"""By what callers qualify (orkes.md 2.5): the table that each command carries to the engine.

Who may read a task in the other dialect, by a grant on its process or on itself, may do so here.
"""

from collections.abc import Set as AbstractSet
from typing import Final

from signoff_gateway.dialects.orkes.answers import Forbidden
from signoff_gateway.identity.entries import APPLICATION_PREFIX
from signoff_gateway.identity.roles import TASK, keys_among
from signoff_gateway.reads.work import SeenBy, WorkTaskRow
from signoff_schemas.principal import ADMIN, ANY, Access, Principal
from signoff_schemas.work import WorkState

_PROCESS: Final = "PROCESS_DEFINITION"
_READ: Final = "READ_USER_TASK"
_ONE: Final = "USER_TASK"
_OPEN: Final = frozenset({WorkState.PENDING, WorkState.ASSIGNED})
_READING: Final = frozenset({"READ", "UPDATE", "DELETE", "EXECUTE"})
"""Each of these verbs implies reading."""

_CLAIM: Final = Access(owner=True, assignee=True, anybody_if_open=True, verb="UPDATE", kind=TASK)
_REASSIGN: Final = Access(owner=True, assignee=True, verb="UPDATE", kind=TASK)
_DELETE: Final = Access(owner=True, verb="DELETE", kind=TASK)
_CLAIM_FOR_OTHERS: Final = Access(owner=True, anybody_if_open=True)
_CLAIM_BY_APPLICATION: Final = Access(owner=True, anybody_if_open=True, verb="UPDATE", kind=TASK)
_WORK: Final = Access(owner=True, claimant=True)
_WORK_BY_APPLICATION: Final = Access(owner=True, claimant=True, verb="UPDATE", kind=TASK)
_SKIP: Final = Access(owner=True, assignee=True, claimant=True)
_SKIP_BY_APPLICATION: Final = Access(
    owner=True, assignee=True, claimant=True, verb="UPDATE", kind=TASK
)


def of_claim() -> Access:
    """Who may claim for himself."""
    return _CLAIM


def of_reassignment() -> Access:
    """Who may replace the assignments."""
    return _REASSIGN


def of_deletion() -> Access:
    """Who may delete a task."""
    return _DELETE


def of_external_claim(caller: Principal) -> Access:
    """Who may claim for somebody else: an application that serves a form also by its grant."""
    return _CLAIM_BY_APPLICATION if _is_application(caller) else _CLAIM_FOR_OTHERS


def of_work(caller: Principal) -> Access:
    """Who may release, update and complete.

    Users: by what they are to the task. An application is never the claimant itself, so a grant to
    update tasks of this definition has to do.
    """
    return _WORK_BY_APPLICATION if _is_application(caller) else _WORK


def of_skip(caller: Principal) -> Access:
    """Who may skip: the assignee too, as nobody has claimed at that time."""
    return _SKIP_BY_APPLICATION if _is_application(caller) else _SKIP


def qualifies(caller: Principal, access: Access, task: WorkTaskRow) -> bool:
    """What the engine will say, for what has to be known before it is asked."""
    if ADMIN in caller.roles or (access.owner and caller.id in task.owners):
        return True
    if access.assignee and _is_assignee(caller, task):
        return True
    if access.claimant and _is_claimant(caller, task):
        return True
    if access.anybody_if_open and _is_open_to(caller, task, "UPDATE_USER_TASK"):
        return True
    return bool(access.verb) and caller.is_granted(TASK, task.definition_name, access.verb)


def may_see(caller: Principal, task: WorkTaskRow) -> bool:
    """Whether somebody may get a task: as in his own searches."""
    if ADMIN in caller.roles or caller.id in task.owners:
        return True
    if _is_assignee(caller, task) or _is_claimant(caller, task):
        return True
    is_free = task.work.claimant is None and task.state in _OPEN
    if is_free and _is_open_to(caller, task):
        return True
    if caller.is_granted(_PROCESS, task.process_id, _READ):
        return True
    if caller.is_granted(_ONE, str(task.key), "READ"):
        return True
    return any(caller.is_granted(TASK, task.definition_name, verb) for verb in _READING)


def visible_to(caller: Principal, search_type: str) -> SeenBy | None:
    """What a search of this type shows to somebody; None: everything.

    ``INBOX``: what he has, is to have, or could take. ``ADMIN``: everything to admins, to others
    what they own. Neither: all that he may see.
    """
    if search_type == "INBOX":
        is_all = ADMIN in caller.roles
        return SeenBy(caller.id, caller.groups, involved=True, open=True, shared=not is_all)
    if ADMIN in caller.roles:
        return None
    if search_type == "ADMIN":
        return SeenBy(caller.id, owned=True)
    definitions = _granted(caller, TASK, _READING)
    processes, tasks = _granted(caller, _PROCESS, {_READ}), _granted(caller, _ONE, {"READ"})
    if ANY in definitions | processes | tasks:
        return None
    return SeenBy(
        caller.id,
        caller.groups,
        involved=True,
        open=True,
        shared=True,
        owned=True,
        definition_names=tuple(sorted(definitions)),
        process_ids=tuple(sorted(processes)),
        keys=keys_among(tasks),
    )


def must_see(caller: Principal, task: WorkTaskRow) -> None:
    """Raises: Forbidden."""
    if not may_see(caller, task):
        raise forbidden("read", task)


def forbidden(verb: str, task: WorkTaskRow) -> Forbidden:
    """The refusal, as the engine's is worded."""
    return Forbidden(f"You don't have permissions to {verb} task: {task.definition_name}")


def _is_open_to(caller: Principal, task: WorkTaskRow, verb: str = "") -> bool:
    """Whether nobody is the assignee, and the caller is one of those who may be, as in the engine.

    A task that is not anybody's, as those that the other dialect made, is for who is granted
    ``verb`` on its process.
    """
    if task.work.assignee is not None:
        return False
    if task.candidate_users or task.candidate_groups:
        of_groups = not set(task.candidate_groups).isdisjoint(caller.groups)
        return caller.id in task.candidate_users or of_groups
    if task.policy is not None and task.policy.open_to_all:
        return True
    return caller.is_granted(_PROCESS, task.process_id, verb)


def _granted(caller: Principal, kind: str, verbs: AbstractSet[str]) -> set[str]:
    """On what of a kind the caller has a grant for one of these."""
    return {
        each.target
        for each in caller.grants
        if each.kind == kind and not verbs.isdisjoint(each.verbs)
    }


def _is_application(caller: Principal) -> bool:
    return caller.id.startswith(APPLICATION_PREFIX)


def _is_assignee(caller: Principal, task: WorkTaskRow) -> bool:
    assignee = task.work.assignee
    if assignee is None or assignee.external:
        return False
    return assignee.id in caller.groups if assignee.group else assignee.id == caller.id


def _is_claimant(caller: Principal, task: WorkTaskRow) -> bool:
    claimant = task.work.claimant
    return claimant is not None and not claimant.external and claimant.id == caller.id
