"""What may be done to a user task: create, assign, claim, update, complete, cancel."""

from signoff_broker.engine import changes, scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import find_task, must_accept, refuse
from signoff_broker.engine.processors import listeners
from signoff_broker.engine.processors.stuck import get_stuck
from signoff_broker.engine.processors.values import Failure, TaskValues, task_values
from signoff_broker.engine.state import UserTask
from signoff_schemas.commands import AssignTask, ClaimTask, CompleteTask, UpdateTask
from signoff_schemas.graph import UserTaskNode
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import (
    TaskAssigning,
    TaskCanceling,
    TaskClaiming,
    TaskCompleting,
    TaskCreating,
    TaskUpdating,
)
from signoff_schemas.values import ATTRIBUTE_NAMES, IncidentType, ListenerEvent, TaskProfile


def create(draft: Draft, node: UserTaskNode) -> None:
    """The token is at a user task: evaluate what it says, and begin its life."""
    process = draft.open.process
    forms = draft.settings.forms

    def form_key(form_id: str) -> int | None:
        form = forms.get((process.tenant, form_id))
        return None if form is None else form.key

    values = task_values(node, scopes.visible(draft.open), form_key)
    if isinstance(values, TaskValues):
        values = _storable(values)
    if isinstance(values, Failure):
        get_stuck(draft, values.error_type, values.message)
        return
    draft.emit(
        TaskCreating(
            task_key=draft.new_key(),
            process_instance_key=process.key,
            element_instance_key=process.element_instance_key,
            process=process.process,
            profile=_profile(node, values),
            tenant=process.tenant,
            tags=process.tags,
            business_id=process.business_id,
            attributes=values.attributes,
            listeners=listeners.pinned(draft.settings, node.listeners, ListenerEvent.CREATING),
            at=draft.now,
        )
    )
    listeners.continue_transition(draft)


def assign(draft: Draft, command: AssignTask) -> Rejection | None:
    """Assign or, with an empty assignee, unassign."""
    task = find_task(draft, command.task_key, "assign")
    if isinstance(task, Rejection):
        return task
    if refusal := must_accept(task, "assign"):
        return refusal
    asked = changes.applied(task.attributes, {"assignee": command.assignee})
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
    return listeners.begin(
        draft,
        TaskCompleting(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            variables=command.variables,
            action=command.action,
            listeners=listeners.of(draft, task, ListenerEvent.COMPLETING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            at=draft.now,
        ),
    )


def cancel(draft: Draft) -> None:
    """Cancel with the instance: what was asked for is dropped, and whoever waited hears so."""
    task = draft.task
    if task.transition is not None:
        listeners.break_off(draft, task, task.transition)
    draft.emit(
        TaskCanceling(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            listeners=listeners.of(draft, task, ListenerEvent.CANCELING),
            at=draft.now,
        )
    )
    listeners.continue_transition(draft)


def _must_be_free_for(task: UserTask, assignee: str) -> Rejection | None:
    if not assignee:
        return refuse(
            RejectionType.INVALID_STATE, Code.CLAIM_WITHOUT_ASSIGNEE, "CLAIM", key=task.key
        )
    if task.attributes.assignee not in ("", assignee):
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


def _profile(node: UserTaskNode, values: TaskValues) -> TaskProfile:
    return TaskProfile(
        element_id=node.id,
        name=node.name,
        headers=node.headers,
        listeners=node.listeners,
        form=values.form,
        modelled_assignee=values.attributes.assignee,
    )
