"""What people who share work may do to a task: take, release, skip, reassign and remove it."""

from dataclasses import replace

from signoff_broker.engine import changes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import find_task, must_accept, refuse
from signoff_broker.engine.processors import listeners, tokens, user_task, work_chain
from signoff_broker.engine.processors.work_access import must_have_access
from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import policy_of_task, work_of
from signoff_schemas.principal import Access
from signoff_schemas.process_events import ProcessTerminating
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TaskAssigning, TaskClaiming
from signoff_schemas.timers import ExpireAssignment
from signoff_schemas.values import ListenerEvent, TaskState
from signoff_schemas.work import (
    EXHAUSTED,
    Action,
    ActionKind,
    Ending,
    Person,
    Policy,
    Work,
    WorkState,
)
from signoff_schemas.work_commands import (
    ReassignTask,
    ReleaseTask,
    RemoveTask,
    SkipAssignment,
    TakeTask,
)

EXPIRE = "expire"


def find_accessible(
    draft: Draft, key: int, access: Access, verb: str, command: str
) -> UserTask | Rejection:
    """The open task, if the caller may do this to it and its state accepts the ``command``."""
    task = find_task(draft, key, verb)
    if isinstance(task, Rejection):
        return task
    refusal = must_have_access(draft, task, access, verb) or must_accept(task, command, verb)
    return refusal or task


def take(draft: Draft, command: TakeTask) -> Rejection | None:
    """Claim the task for somebody: who is the assignee or, with an override, anybody."""
    task = find_accessible(draft, command.task_key, command.access, "claim", "claim")
    if isinstance(task, Rejection):
        return task
    work, claimant = work_of(task), command.claimant
    if refusal := _must_be_unclaimed(task, work, "claim") or _must_be_for(task, work, command):
        return refusal
    overrides = command.override and work.assignee is not None
    taken = replace(
        work, assignee=claimant if overrides else work.assignee, claimant=claimant, due_at=None
    )
    asked = changes.applied(task.attributes, {"assignee": claimant.id})
    by = draft.asker.principal.id
    return listeners.begin(
        draft,
        TaskClaiming(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            action="claim",
            changed=changes.differing(asked, task.attributes),
            listeners=listeners.of(draft, task, ListenerEvent.ASSIGNING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            of_work=True,
            work=taken,
            policy=policy_of_task(task) if task.policy is None else None,
            log=(work_chain.claim_line(taken, draft.now, by),),
            by=by,
            at=draft.now,
        ),
    )


def release(draft: Draft, command: ReleaseTask) -> Rejection | None:
    """Give the task back to the assignment in force, whose time begins anew."""
    task = find_accessible(draft, command.task_key, command.access, "release", "assign")
    if isinstance(task, Rejection):
        return task
    work, policy = work_of(task), policy_of_task(task)
    if work.claimant is None:
        return refuse(
            RejectionType.INVALID_STATE,
            Code.TASK_NOT_TAKEN,
            "RELEASE",
            verb="release",
            key=task.key,
        )
    index = len(policy.assignments) if work.index is None else work.index
    after = work_chain.turn_at(policy, index, draft.now, work.skipped)
    by = draft.asker.principal.id
    line = Action(ActionKind.RELEASE, WorkState.PENDING, draft.now, by, after.assignee)
    return listeners.begin(draft, _turn(draft, task, "release", after, line))


def skip(draft: Draft, command: SkipAssignment) -> Rejection | None:
    """Go on to the next assignment; the task may end if there is none."""
    task = find_accessible(draft, command.task_key, command.access, "skip", "assign")
    if isinstance(task, Rejection):
        return task
    work = work_of(task)
    if refusal := _must_be_unclaimed(task, work, "skip"):
        return refusal
    if work.assignee is None:
        return refuse(
            RejectionType.INVALID_STATE, Code.TASK_UNASSIGNED, "SKIP", verb="skip", key=task.key
        )
    line = Action(
        ActionKind.SKIP,
        WorkState.PENDING,
        draft.now,
        draft.asker.principal.id,
        work.assignee,
        reason=command.reason,
    )
    skipped = work.skipped if work.index is None else (*work.skipped, work.index)
    after = _next_turn(draft, task, skipped)
    if after is None:
        _exhaust(draft, task, line, skipped)
        return None
    return listeners.begin(draft, _turn(draft, task, "skip", after, line))


def reassign(draft: Draft, command: ReassignTask) -> Rejection | None:
    """Replace the chain, and begin it."""
    task = find_accessible(draft, command.task_key, command.access, "reassign", "assign")
    if isinstance(task, Rejection):
        return task
    work = work_of(task)
    if refusal := _must_be_unclaimed(task, work, "reassign"):
        return refusal
    policy = replace(policy_of_task(task), assignments=command.assignments)
    by = draft.asker.principal.id
    line = Action(ActionKind.REASSIGN, WorkState.PENDING, draft.now, by, work.assignee)
    after = work_chain.turn_at(policy, 0, draft.now)
    return listeners.begin(draft, _turn(draft, task, "reassign", after, line, policy=policy))


def expire(draft: Draft, timer: ExpireAssignment) -> None:
    """Nobody has claimed the task in time: the next one's turn. Nobody waits for that."""
    task = None if draft.instance is None else draft.instance.task
    if task is None or task.key != timer.task_key or task.state is not TaskState.CREATED:
        return
    work = task.work
    if work is None or work.due_at is None or work.due_at > draft.now:
        return
    line = Action(
        ActionKind.ASSIGNMENT_EXPIRED, WorkState.PENDING, draft.now, assignee=work.assignee
    )
    after = _next_turn(draft, task, work.skipped)
    if after is None:
        _exhaust(draft, task, line, work.skipped)
        return
    draft.emit(_turn(draft, task, EXPIRE, after, line))
    listeners.continue_transition(draft)


def remove(draft: Draft, command: RemoveTask) -> Rejection | None:
    """End the task; its instance stays where it is. Canceling listeners are not waited for."""
    task = find_accessible(draft, command.task_key, command.access, "remove", "cancel")
    if isinstance(task, Rejection):
        return task
    tokens.clear_the_way(draft)
    user_task.cancel(draft)
    return None


def _next_turn(draft: Draft, task: UserTask, skipped: tuple[int, ...]) -> Work | None:
    """The work when it is the next one's turn; None if the task ends instead."""
    policy = policy_of_task(task)
    index = work_chain.index_after(policy, work_of(task))
    if work_chain.ends_task(policy, index):
        return None
    return work_chain.turn_at(policy, index, draft.now, skipped)


def _exhaust(draft: Draft, task: UserTask, line: Action, skipped: tuple[int, ...]) -> None:
    """No assignment is left: the task ends, and its instance fails."""
    draft.emit(
        ProcessTerminating(
            process_instance_key=task.process_instance_key,
            ending=Ending.FAILED,
            reason=EXHAUSTED,
        )
    )
    log = (
        replace(line, state=WorkState.DELETED),
        Action(ActionKind.ASSIGNMENTS_COMPLETED, WorkState.DELETED, draft.now),
    )
    user_task.cancel(draft, work=Work(exhausted=True, skipped=skipped), log=log)


def _turn(
    draft: Draft,
    task: UserTask,
    action: str,
    work: Work,
    line: Action,
    *,
    policy: Policy | None = None,
) -> TaskAssigning:
    """It is somebody's turn, or the task is open; ``line`` tells why."""
    until_now = work_chain.in_force(policy_of_task(task), work_of(task))
    asked = work_chain.attributes_after(task.attributes, until_now, work)
    return TaskAssigning(
        task_key=task.key,
        process_instance_key=task.process_instance_key,
        attributes=asked,
        action=action,
        changed=changes.differing(asked, task.attributes),
        listeners=listeners.of(draft, task, ListenerEvent.ASSIGNING),
        command_id=draft.asker.command_id,
        waiter=draft.asker.waiter,
        work=work,
        policy=policy_of_task(task) if policy is None and task.policy is None else policy,
        log=(line, work_chain.turn_line(work, draft.now)),
        by=line.by,
        at=draft.now,
    )


def _must_be_unclaimed(task: UserTask, work: Work, verb: str) -> Rejection | None:
    if work.claimant is None:
        return None
    return refuse(
        RejectionType.INVALID_STATE,
        Code.TASK_TAKEN,
        verb.upper(),
        verb=verb,
        key=task.key,
        claimant=work.claimant.id,
    )


def _must_be_for(task: UserTask, work: Work, command: TakeTask) -> Rejection | None:
    assignee = work.assignee
    if assignee is None or command.override or _is_for(assignee, command):
        return None
    return refuse(
        RejectionType.INVALID_STATE,
        Code.TASK_OF_OTHERS,
        "CLAIM",
        verb="claim",
        key=task.key,
        assignee=assignee.id,
    )


def _is_for(assignee: Person, command: TakeTask) -> bool:
    """Whether the claimant is who the task is assigned to, or of that group.

    Somebody else's users and groups are claimed for by those who vouch for them only.
    """
    claimant = command.claimant
    if assignee.external and not claimant.external:
        return False
    if not assignee.group:
        return assignee.id == claimant.id
    return assignee.external or assignee.id in command.claimant_groups
