"""How a transition goes on: the next listener's job, or its end."""

from dataclasses import replace

from pydantic import TypeAdapter

from signoff_broker.engine import changes, scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.lifecycle import PHASE_OF
from signoff_broker.engine.preconditions import refuse
from signoff_broker.engine.processors import work_chain
from signoff_broker.engine.processors.stuck import get_stuck
from signoff_broker.engine.processors.values import Failure, listener_values
from signoff_broker.engine.processors.work_effect import NO_EFFECT, effect_of
from signoff_broker.engine.state import Settings, Transition, UserTask
from signoff_schemas.job_events import JobCreated
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.task_events import (
    TaskAssigned,
    TaskAssigning,
    TaskCanceled,
    TaskClaiming,
    TaskCompleted,
    TaskCompleting,
    TaskCreated,
    TaskUpdated,
    TaskUpdating,
    TransitionDenied,
)
from signoff_schemas.values import (
    GlobalListener,
    JobKind,
    Listener,
    ListenerEvent,
    TaskSnapshot,
    TaskState,
)
from signoff_schemas.work import LogEntry, Policy, Work

APPLIED = Outcome(status=OutcomeStatus.APPLIED)
_FINAL_EVENTS = {
    TaskState.CREATING: TaskCreated,
    TaskState.ASSIGNING: TaskAssigned,
    TaskState.CLAIMING: TaskAssigned,
    TaskState.UPDATING: TaskUpdated,
    TaskState.COMPLETING: TaskCompleted,
    TaskState.CANCELING: TaskCanceled,
}
_WORK = TypeAdapter(Work)
_INTENTS = {
    TaskState.ASSIGNING: "ASSIGN",
    TaskState.CLAIMING: "CLAIM",
    TaskState.UPDATING: "UPDATE",
    TaskState.COMPLETING: "COMPLETE",
}


def pinned(
    settings: Settings, own: tuple[Listener, ...], event: ListenerEvent
) -> tuple[Listener, ...]:
    """All listeners of an event as they are now: global-before, the task's own, global-after."""
    mine = tuple(each for each in own if each.event is event) if own else own
    if not settings.global_listeners:
        return mine
    ranked = sorted(
        (each for each in settings.global_listeners.values() if event in each.events),
        key=lambda each: (-each.priority, each.id),
    )
    before = tuple(_as_listener(each, event) for each in ranked if not each.after_own)
    after = tuple(_as_listener(each, event) for each in ranked if each.after_own)
    return before + mine + after


def of(draft: Draft, task: UserTask, event: ListenerEvent) -> tuple[Listener, ...]:
    """All listeners that would decide now about an event of a task."""
    return pinned(draft.settings, task.profile.listeners, event)


def begin(
    draft: Draft, event: TaskAssigning | TaskClaiming | TaskUpdating | TaskCompleting
) -> Rejection | None:
    """Begin a transition that somebody asked for, unless too many callers are held already."""
    job_type = event.listeners[0].job_type if event.listeners else ""
    if job_type and job_type in draft.exhausted:
        return refuse(
            RejectionType.RESOURCE_EXHAUSTED, Code.LISTENER_WAITS_EXHAUSTED, "", type=job_type
        )
    draft.emit(event)
    continue_transition(draft)
    return None


def continue_transition(draft: Draft) -> None:
    """Ask the next listener; if none is left, let the transition take effect."""
    task, transition = draft.task, draft.transition
    if transition.index >= len(transition.listeners):
        _finish(draft, task, transition)
        return
    listener = transition.listeners[transition.index]
    values = listener_values(listener, scopes.visible(draft.open))
    if isinstance(values, Failure):
        get_stuck(draft, values.error_type, values.message, task_key=task.key)
        return
    job_type, retries = values
    draft.emit(
        JobCreated(
            job_key=draft.new_key(),
            process_instance_key=task.process_instance_key,
            process=task.process,
            tenant=task.tenant,
            job_type=job_type,
            kind=JobKind.TASK_LISTENER,
            listener_event=listener.event,
            element_id=task.profile.element_id,
            element_instance_key=task.element_instance_key,
            retries=retries,
            headers=task.profile.headers,
            task=_snapshot(task, transition),
            at=draft.now,
        )
    )


def deny(draft: Draft, reason: str) -> None:
    """A listener refused: the task is as before, and whoever asked hears why."""
    task, transition = draft.task, draft.transition
    refusal = refuse(
        RejectionType.INVALID_STATE,
        Code.TRANSITION_DENIED,
        _denied_intent(task),
        transition=_name(task, transition),
        key=_key(task, transition),
        reason=reason,
    )
    draft.release(transition, Outcome(status=OutcomeStatus.REJECTED, rejection=refusal))
    _end_unchanged(draft, task, reason=reason)


def withdraw(draft: Draft) -> None:
    """Whoever asked does not want it any more: the task is as before."""
    task, transition = draft.task, draft.transition
    refusal = refuse(
        RejectionType.INVALID_STATE,
        Code.TRANSITION_WITHDRAWN,
        _INTENTS[task.state],
        transition=_name(task, transition),
        key=_key(task, transition),
    )
    draft.release(transition, Outcome(status=OutcomeStatus.WITHDRAWN, rejection=refusal))
    _end_unchanged(draft, task, withdrawn=True)


def break_off(draft: Draft, task: UserTask, transition: Transition) -> None:
    """The task is cancelled under a transition: whoever asked for it hears so."""
    refusal = refuse(
        RejectionType.INVALID_STATE,
        Code.TRANSITION_CANCELED,
        _INTENTS.get(task.state, ""),
        transition=_name(task, transition),
    )
    draft.release(transition, Outcome(status=OutcomeStatus.REJECTED, rejection=refusal))


def _denied_intent(task: UserTask) -> str:
    """The verb under which a denial is reported: a denied claim is a denied assignment."""
    return "ASSIGN" if task.state is TaskState.CLAIMING else _INTENTS[task.state]


def _finish(draft: Draft, task: UserTask, transition: Transition) -> None:
    """The transition takes effect, and whoever asked for it hears so."""
    attributes = transition.attributes
    if task.state is TaskState.CREATING and task.profile.modelled_assignee:
        attributes = changes.applied(attributes, {"assignee": ""})
    changed = transition.changed
    if transition.index:
        changed = changes.changed_so_far(attributes, transition.variables, task.attributes)
    if transition.of_variables:
        scopes.merge(draft, task.element_instance_key, transition.variables, transition.local)
    elif transition.of_output:
        scopes.set_local(draft, task.key, transition.variables)
    effect = NO_EFFECT
    if task.work is not None or transition.work is not None:
        effect = effect_of(draft, task, transition, attributes)
    draft.emit(
        _FINAL_EVENTS[task.state](
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=attributes,
            variables=transition.variables,
            action=transition.action,
            changed=changed,
            work=effect.work,
            policy=effect.policy,
            log=effect.log,
            by=transition.by,
            at=draft.now,
        )
    )
    for start in effect.starts:
        draft.emit(start)
    draft.release(transition, _outcome(draft, task, transition))
    if task.state is not TaskState.CREATING:
        return
    if task.profile.modelled_assignee:
        _assign_as_modelled(draft)
    elif transition.policy is not None and transition.policy.assignments:
        _begin_chain(draft, transition.policy)


def _outcome(draft: Draft, task: UserTask, transition: Transition) -> Outcome:
    """What whoever asked hears. Who takes a task hears all that changed, and need not look."""
    taken = None if not transition.of_work else draft.task
    if taken is None or taken.work is None:
        return APPLIED
    result: dict[str, object] = {
        "work": _WORK.dump_python(taken.work, mode="json", exclude_defaults=True),
        "at": draft.now,
        "updated_at": task.updated_at,
        "logged": taken.logged,
    }
    return Outcome(status=OutcomeStatus.APPLIED, result=result)


def _assign_as_modelled(draft: Draft) -> None:
    """The task is created: give it to whom its model names. Nobody waits for that."""
    task = draft.task
    assignee = task.profile.modelled_assignee
    draft.emit(
        TaskAssigning(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=changes.applied(task.attributes, {"assignee": assignee}),
            changed=("assignee",),
            listeners=of(draft, task, ListenerEvent.ASSIGNING),
            at=draft.now,
        )
    )
    continue_transition(draft)


def _begin_chain(draft: Draft, policy: Policy) -> None:
    """The task is created: it is the first assignment's turn. Nobody waits for that."""
    task = draft.task
    work = work_chain.turn_at(policy, 0, draft.now)
    log: tuple[LogEntry, ...] = (work_chain.turn_line(work, draft.now),)
    event: type[TaskAssigning | TaskClaiming] = TaskAssigning
    first = policy.assignments[0].assignee
    if policy.auto_claim and not first.group:
        event, work = TaskClaiming, replace(work, claimant=first, due_at=None)
        log = (*log, work_chain.claim_line(work, draft.now))
    asked = work_chain.attributes_after(task.attributes, None, work)
    draft.emit(
        event(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            action="claim" if event is TaskClaiming else "",
            changed=changes.differing(asked, task.attributes),
            listeners=of(draft, task, ListenerEvent.ASSIGNING),
            work=work,
            log=log,
            at=draft.now,
        )
    )
    continue_transition(draft)


def _end_unchanged(
    draft: Draft, task: UserTask, *, reason: str = "", withdrawn: bool = False
) -> None:
    """The task is as before; an assignment whose end was refused has no end any more."""
    work, asked_by_nobody = task.work, not draft.transition.command_id
    ends_in_vain = work is not None and work.due_at is not None and asked_by_nobody
    draft.emit(
        TransitionDenied(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            transition=PHASE_OF[task.state].name,
            attributes=task.attributes,
            work=replace(work, due_at=None) if work is not None and ends_in_vain else None,
            reason=reason,
            withdrawn=withdrawn,
        )
    )


def _snapshot(task: UserTask, transition: Transition) -> TaskSnapshot:
    changed = transition.changed
    if transition.index:
        changed = changes.changed_so_far(
            transition.attributes, transition.variables, task.attributes
        )
    form = task.profile.form
    return TaskSnapshot(
        task_key=task.key,
        action=transition.action,
        attributes=transition.attributes,
        changed=changed,
        form_key=None if form is None else form.key,
    )


def _name(task: UserTask, transition: Transition) -> str:
    return "variables" if transition.of_variables else PHASE_OF[task.state].name


def _key(task: UserTask, transition: Transition) -> int:
    """The key by which the caller named the task."""
    return task.element_instance_key if transition.of_variables else task.key


def _as_listener(listener: GlobalListener, event: ListenerEvent) -> Listener:
    return Listener(event, listener.job_type, str(listener.retries))
