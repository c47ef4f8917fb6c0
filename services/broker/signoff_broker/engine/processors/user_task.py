"""What may be done to a user task: create, assign, claim, update, complete, cancel."""

from dataclasses import replace

from signoff_broker.engine import changes, scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import find_task, must_accept, refuse
from signoff_broker.engine.processors import listeners, work_chain
from signoff_broker.engine.processors.policies import policy_of
from signoff_broker.engine.processors.stuck import get_stuck
from signoff_broker.engine.processors.values import Failure, TaskValues, task_values
from signoff_broker.engine.processors.work_effect import call_for
from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import policy_of_task, shown_assignee, user_of, work_of
from signoff_schemas.commands import AssignTask, ClaimTask, CompleteTask, UpdateTask
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.limits import unstorable_text
from signoff_schemas.process_events import StartCalledFor
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import (
    TaskAssigning,
    TaskCanceling,
    TaskClaiming,
    TaskCompleting,
    TaskCreating,
    TaskUpdating,
)
from signoff_schemas.values import (
    ATTRIBUTE_NAMES,
    IncidentType,
    ListenerEvent,
    TaskProfile,
)
from signoff_schemas.work import Action, Assignment, LogEntry, Person, Policy, TriggerEvent, Work


def create(draft: Draft, node: UserTaskNode, policy: object = None, title: object = None) -> None:
    """The token is at a user task: evaluate what it says, and begin its life.

    ``policy``: what the node's policy came to, as JSON; it then rules out a modelled assignee.
    ``title``: what the node's title came to.
    """
    values = _values(draft, node)
    if isinstance(values, Failure):
        get_stuck(draft, values.error_type, values.message)
        return
    rules = None if policy is None else policy_of(policy)
    if isinstance(rules, Failure):
        get_stuck(draft, rules.error_type, rules.message)
        return
    if rules is not None:
        values = replace(values, attributes=replace(values.attributes, assignee=""))
    process, task_key = draft.open.process, draft.new_key()
    work, log, starts = _before_first_turn(draft, rules)
    draft.emit(
        TaskCreating(
            task_key=task_key,
            process_instance_key=process.key,
            element_instance_key=process.element_instance_key,
            process=process.process,
            profile=_profile(node, values, title),
            tenant=process.tenant,
            tags=process.tags,
            business_id=process.business_id,
            attributes=values.attributes,
            listeners=listeners.pinned(draft.settings, node.listeners, ListenerEvent.CREATING),
            work=work,
            policy=rules,
            log=log,
            by=process.started_by,
            at=draft.now,
        )
    )
    for start in starts:
        draft.emit(start)
    listeners.continue_transition(draft)


def assign(draft: Draft, command: AssignTask) -> Rejection | None:
    """Assign or, with an empty assignee, unassign. That replaces the chain, if there is one."""
    task = find_task(draft, command.task_key, "assign")
    if isinstance(task, Rejection):
        return task
    if refusal := must_accept(task, "assign"):
        return refusal
    asked = changes.applied(task.attributes, {"assignee": command.assignee})
    by, work, policy = draft.asker.principal.id, None, None
    log: tuple[LogEntry, ...] = ()
    if task.work is not None:
        chain = (Assignment(Person(command.assignee)),) if command.assignee else ()
        policy = replace(policy_of_task(task), assignments=chain)
        work = work_chain.turn_at(policy, 0, draft.now)
        log = (work_chain.turn_line(work, draft.now, by),)
    return listeners.begin(
        draft,
        TaskAssigning(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            action=command.action,
            changed=changes.differing(asked, task.attributes),
            listeners=listeners.of(draft, task, ListenerEvent.ASSIGNING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            work=work,
            policy=policy,
            log=log,
            by=by,
            at=draft.now,
        ),
    )


def claim(draft: Draft, command: ClaimTask) -> Rejection | None:
    """Assign to somebody who wants it, unless somebody else has it."""
    task = find_task(draft, command.task_key, "claim")
    if isinstance(task, Rejection):
        return task
    if refusal := must_accept(task, "claim") or _must_be_free_for(task, command.assignee):
        return refusal
    asked = changes.applied(task.attributes, {"assignee": command.assignee})
    by = draft.asker.principal.id
    work, line = _claimed_here(task, command.assignee, draft.now, by)
    return listeners.begin(
        draft,
        TaskClaiming(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            action=command.action,
            changed=changes.differing(asked, task.attributes),
            listeners=listeners.of(draft, task, ListenerEvent.ASSIGNING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            work=work,
            policy=policy_of_task(task) if task.policy is None else None,
            log=(line,),
            by=by,
            at=draft.now,
        ),
    )


def update(draft: Draft, command: UpdateTask) -> Rejection | None:
    """Change attributes other than the assignee; without any, listeners still have their say."""
    task = find_task(draft, command.task_key, "update")
    if isinstance(task, Rejection):
        return task
    if refusal := must_accept(task, "update"):
        return refusal
    wanted = changes.named(command.changes)
    asked = changes.applied(task.attributes, wanted)
    return listeners.begin(
        draft,
        TaskUpdating(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            action=command.action,
            changed=changes.really_changed(wanted, asked, task.attributes),
            listeners=listeners.of(draft, task, ListenerEvent.UPDATING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            by=draft.asker.principal.id,
            at=draft.now,
        ),
    )


def complete(draft: Draft, command: CompleteTask) -> Rejection | None:
    """Ask for completion; variables take effect when the listeners have agreed."""
    task = find_task(draft, command.task_key, "complete")
    if isinstance(task, Rejection):
        return task
    if refusal := must_accept(task, "complete"):
        return refusal
    saved = scopes.values_of(draft.open, task.key)
    return listeners.begin(
        draft,
        TaskCompleting(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            variables={**saved, **command.variables} if saved else command.variables,
            of_output=bool(saved) or draft.open.process.entered_at is not None,
            action=command.action,
            listeners=listeners.of(draft, task, ListenerEvent.COMPLETING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            by=draft.asker.principal.id,
            at=draft.now,
        ),
    )


def cancel(
    draft: Draft,
    *,
    timed_out: bool = False,
    work: Work | None = None,
    log: tuple[LogEntry, ...] = (),
) -> None:
    """Cancel, mostly with the instance: what was asked for is dropped, and who waited hears so.

    ``work`` and ``log``: what this does to the work on the task; ``timed_out``: it was too late.
    """
    task = draft.task
    if task.transition is not None:
        listeners.break_off(draft, task, task.transition)
    asked = task.attributes
    if work is not None:
        asked = changes.applied(asked, {"assignee": shown_assignee(work)})
    draft.emit(
        TaskCanceling(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=asked,
            listeners=listeners.of(draft, task, ListenerEvent.CANCELING),
            timed_out=timed_out,
            work=work,
            log=log,
            by=draft.asker.principal.id if draft.asker.command_id else "",
            at=draft.now,
        )
    )
    listeners.continue_transition(draft)


def _values(draft: Draft, node: UserTaskNode) -> TaskValues | Failure:
    tenant, forms = draft.open.process.tenant, draft.settings.forms

    def form_key(form_id: str) -> int | None:
        form = forms.get((tenant, form_id))
        return None if form is None else form.key

    values = task_values(node, scopes.visible(draft.open), form_key)
    return _storable(values) if isinstance(values, TaskValues) else values


def _before_first_turn(
    draft: Draft, policy: Policy | None
) -> tuple[Work | None, tuple[LogEntry, ...], tuple[StartCalledFor, ...]]:
    """Work, log and started processes of a task that comes into being.

    An empty chain is through at once; any other begins when the task is created.
    """
    if policy is None:
        return None, (), ()
    lines, starts = call_for(draft, policy, {TriggerEvent.PENDING})
    if policy.assignments:
        return Work(), lines, starts
    work = work_chain.turn_at(policy, 0, draft.now)
    return work, (*lines, work_chain.turn_line(work, draft.now)), starts


def _claimed_here(task: UserTask, assignee: str, now: int, by: str) -> tuple[Work, Action]:
    """A claim that knows users only: whoever claims is the assignee as well."""
    person = Person(assignee)
    work = replace(work_of(task), assignee=person, claimant=person, due_at=None)
    return work, work_chain.claim_line(work, now, by)


def _must_be_free_for(task: UserTask, assignee: str) -> Rejection | None:
    if not assignee:
        return refuse(
            RejectionType.INVALID_STATE, Code.CLAIM_WITHOUT_ASSIGNEE, "CLAIM", key=task.key
        )
    if user_of(work_of(task)) not in (None, Person(assignee)):
        return refuse(RejectionType.INVALID_STATE, Code.CLAIM_ASSIGNED, "CLAIM", key=task.key)
    return None


def _storable(values: TaskValues) -> TaskValues | Failure:
    """What expressions gave is held to the same limits as what people send."""
    given = {name: getattr(values.attributes, name) for name in ATTRIBUTE_NAMES}
    name = changes.offence(given)
    if name is None:
        return values
    message = f"Expected a value for '{name}' that can be stored, but it cannot."
    return Failure(IncidentType.EXTRACT_VALUE_ERROR, message)


def _profile(node: UserTaskNode, values: TaskValues, title: object) -> TaskProfile:
    is_name = isinstance(title, str) and title and unstorable_text(title) is None
    return TaskProfile(
        element_id=node.id,
        name=str(title) if is_name else node.name,
        headers=node.headers,
        listeners=node.listeners,
        form=values.form,
        modelled_assignee=values.attributes.assignee,
        rule=node.rule,
    )
