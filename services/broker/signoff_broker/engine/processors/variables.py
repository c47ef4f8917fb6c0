"""Setting variables from outside: of an instance at once, of a task's element as a transition."""

from signoff_broker.engine import scopes
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.preconditions import is_running, must_be_of_tenant, refuse
from signoff_broker.engine.processors import listeners
from signoff_broker.engine.state import Instance, UserTask
from signoff_schemas.commands import SetVariables
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.task_events import TaskUpdating
from signoff_schemas.values import VARIABLES, ListenerEvent, TaskState

_INTENT = "UPDATE"


def set_variables(draft: Draft, command: SetVariables) -> Rejection | None:
    """Set variables of a scope; at an open task they take effect when its listeners agree."""
    instance = draft.instance
    if instance is None or not _is_scope(instance, command.scope_key):
        return refuse(RejectionType.NOT_FOUND, Code.SCOPE_NOT_FOUND, _INTENT, key=command.scope_key)
    tenant = instance.process.tenant
    if refusal := must_be_of_tenant(draft.asker.principal, tenant, _INTENT, "set_variables"):
        return refusal
    task = instance.task
    if task is not None and task.element_instance_key == command.scope_key:
        return _ask_listeners(draft, task, command)
    scopes.merge(draft, command.scope_key, command.variables, command.local)
    return None


def _is_scope(instance: Instance, key: int) -> bool:
    process = instance.process
    return is_running(instance) and key in (process.key, process.element_instance_key)


def _ask_listeners(draft: Draft, task: UserTask, command: SetVariables) -> Rejection | None:
    if task.state is not TaskState.CREATED:
        return refuse(
            RejectionType.INVALID_STATE,
            Code.VARIABLES_TASK_IN_STATE,
            _INTENT,
            key=task.key,
            state=task.state.value,
        )
    return listeners.begin(
        draft,
        TaskUpdating(
            task_key=task.key,
            process_instance_key=task.process_instance_key,
            attributes=task.attributes,
            variables=command.variables,
            local=command.local,
            of_variables=True,
            changed=(VARIABLES,) if command.variables else (),
            listeners=listeners.of(draft, task, ListenerEvent.UPDATING),
            command_id=draft.asker.command_id,
            waiter=draft.asker.waiter,
            by=draft.asker.principal.id,
            at=draft.now,
        ),
    )
