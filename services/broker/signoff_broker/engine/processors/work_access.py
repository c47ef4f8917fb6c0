"""Whether a caller qualifies for what it asks of a task."""

from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors.permits import PROCESS, UPDATE_TASK
from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import work_of
from signoff_schemas.principal import ADMIN, Access, Principal
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.work import Person, Work


def must_have_access(draft: Draft, task: UserTask, access: Access, verb: str) -> Rejection | None:
    """One of the ways that ``access`` names leads the caller to the task."""
    principal = draft.asker.principal
    if ADMIN in principal.roles or _is_involved(principal, access, work_of(task)):
        return None
    if access.anybody_if_open and _is_open_to(principal, task):
        return None
    target = task.profile.rule or task.profile.element_id
    if access.verb and principal.is_granted(access.kind, target, access.verb):
        return None
    if access.owner and principal.id in _owners(draft, task):
        return None
    return refuse(
        RejectionType.FORBIDDEN,
        Code.TASK_FORBIDDEN,
        verb.upper(),
        verb=verb,
        key=task.key,
        target=target,
    )


def _is_involved(principal: Principal, access: Access, work: Work) -> bool:
    """Whether the task is the caller's to do."""
    if access.claimant and work.claimant == Person(principal.id):
        return True
    assignee = work.assignee
    if assignee is None or not access.assignee or assignee.external:
        return False
    return assignee.id in principal.groups if assignee.group else assignee.id == principal.id


def _is_open_to(principal: Principal, task: UserTask) -> bool:
    """Whether nobody is the assignee, and the caller is one of those who may be.

    These are the candidates, if there are any. Else everybody, unless the task was made as none
    that people share: such a one is for who is granted the work of its process.
    """
    if work_of(task).assignee is not None:
        return False
    users, groups = task.attributes.candidate_users, task.attributes.candidate_groups
    if users or groups:
        return principal.id in users or not set(groups).isdisjoint(principal.groups)
    if task.policy is not None and task.policy.open_to_all:
        return True
    return principal.is_granted(PROCESS, task.process.process_id, UPDATE_TASK)


def _owners(draft: Draft, task: UserTask) -> set[str]:
    """Who started the process, who deployed it, and who made the task's rule."""
    definition = draft.settings.definitions.get(task.process.definition_key)
    return {
        draft.open.process.started_by,
        "" if definition is None else definition.deployed_by,
        draft.settings.rule_owners.get(task.profile.rule, ""),
    } - {""}
