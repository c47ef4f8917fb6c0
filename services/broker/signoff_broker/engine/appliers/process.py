"""Process events applied to state."""

from dataclasses import replace

from signoff_broker.engine.state import Instance, Process, Variable
from signoff_schemas.process_events import (
    ElementEntered,
    ElementLeft,
    ProcessCompleted,
    ProcessStarted,
    ProcessTerminated,
    ProcessTerminating,
    VariableSet,
)
from signoff_schemas.values import ProcessState


def started(event: ProcessStarted) -> Instance:
    """An instance is born."""
    return Instance(
        Process(
            key=event.process_instance_key,
            process=event.process,
            tenant=event.tenant,
            tags=event.tags,
            business_id=event.business_id,
            state=ProcessState.ACTIVE,
            started_at=event.at,
            standalone=event.standalone,
        )
    )


def entered(instance: Instance, event: ElementEntered) -> Instance:
    """The token is at a node."""
    process = replace(
        instance.process,
        node_id=event.node_id,
        element_instance_key=event.element_instance_key,
    )
    return replace(instance, process=process)


def left(instance: Instance, _event: ElementLeft) -> Instance:
    """The token is between nodes; the node's own variables are out of sight."""
    gone = instance.process.element_instance_key
    variables = {key: scope for key, scope in instance.variables.items() if key != gone}
    process = replace(instance.process, node_id="", element_instance_key=0)
    return replace(instance, process=process, variables=variables)


def terminating(instance: Instance, _event: ProcessTerminating) -> Instance:
    """The instance is on its way out."""
    return replace(instance, process=replace(instance.process, state=ProcessState.TERMINATING))


def completed(instance: Instance, event: ProcessCompleted) -> Instance:
    """The token reached an end."""
    return _ended(instance, ProcessState.COMPLETED, event.at)


def terminated(instance: Instance, event: ProcessTerminated) -> Instance:
    """The instance was cancelled."""
    return _ended(instance, ProcessState.TERMINATED, event.at)


def variable_set(instance: Instance, event: VariableSet) -> Instance:
    """A scope has a new value."""
    variable = Variable(
        key=event.variable_key,
        process_instance_key=event.process_instance_key,
        scope_key=event.scope_key,
        name=event.name,
        value=event.value,
        tenant=instance.process.tenant,
    )
    scope = {**instance.variables.get(event.scope_key, {}), event.name: variable}
    return replace(instance, variables={**instance.variables, event.scope_key: scope})


def _ended(instance: Instance, state: ProcessState, at: int) -> Instance:
    return replace(instance, process=replace(instance.process, state=state, ended_at=at))
