"""Process events applied to state."""

from dataclasses import replace
from typing import cast

from signoff_broker.engine.state import Element, Instance, Process, Variable
from signoff_schemas.limits import DESCENDANTS_MAX
from signoff_schemas.process_events import (
    ElementEntered,
    ElementLeft,
    ElementTimedOut,
    ProcessCompleted,
    ProcessStarted,
    ProcessTerminated,
    ProcessTerminating,
    StartCalledFor,
    VariableSet,
)
from signoff_schemas.values import ProcessState, Variables
from signoff_schemas.work import Ending


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
            started_by=event.started_by,
            descendants=event.descendants,
            due_at=event.due_at,
        )
    )


def entered(instance: Instance, event: ElementEntered) -> Instance:
    """The token is at a node."""
    process = replace(
        instance.process,
        node_id=event.node_id,
        element_instance_key=event.element_instance_key,
        entered_at=None if event.input is None else event.at,
        due_at=event.due_at,
        retries=event.retries,
    )
    return replace(instance, process=process)


def visit_begun(event: ElementEntered) -> Element | None:
    """What is kept of the token's visit to a node, if the graph has a frame."""
    if event.input is None:
        return None
    return Element(
        key=event.element_instance_key,
        process_instance_key=event.process_instance_key,
        node_id=event.node_id,
        entered_at=event.at,
        input=event.input,
    )


def left(instance: Instance, _event: ElementLeft) -> Instance:
    """The token is between nodes; all that is not the instance's own is out of sight."""
    key = instance.process.key
    variables = {each: scope for each, scope in instance.variables.items() if each == key}
    process = replace(
        instance.process, node_id="", element_instance_key=0, entered_at=None, retries=0
    )
    return replace(instance, process=process, variables=variables)


def visit_ended(instance: Instance, event: ElementLeft, begun: Element | None) -> Element | None:
    """What is kept of a visit once it is over.

    ``instance`` is as it was before; ``begun`` is the visit, if it was begun in the same step.
    """
    process = instance.process
    if process.entered_at is None:
        return None
    if begun is None:
        scope = instance.variables.get(process.element_instance_key, {})
        begun = Element(
            key=process.element_instance_key,
            process_instance_key=process.key,
            node_id=event.node_id,
            entered_at=process.entered_at,
            input={name: variable.value for name, variable in scope.items()},
        )
    return replace(begun, output=event.output, left_at=event.at, ending=event.ending)


def timed_out(instance: Instance, event: ElementTimedOut) -> Instance:
    """The node is begun again, once its work is off."""
    process = replace(instance.process, due_at=event.due_at, retries=event.retries)
    return replace(instance, process=process)


def called_for(instance: Instance, event: StartCalledFor) -> Instance:
    """The new instance will be one of its own; this one has handed down what that may start."""
    left = instance.process.descendants - 1 - event.descendants
    return replace(instance, process=replace(instance.process, descendants=left))


def begun_anew(process: Process) -> Process:
    """Somebody is at work here: as much may come of this instance as of one that he started."""
    return replace(process, descendants=DESCENDANTS_MAX)


def terminating(instance: Instance, event: ProcessTerminating) -> Instance:
    """The instance is on its way out."""
    process = replace(
        instance.process,
        state=ProcessState.TERMINATING,
        due_at=None,
        ending=event.ending,
        reason=event.reason,
    )
    return replace(instance, process=process)


def completed(instance: Instance, event: ProcessCompleted) -> Instance:
    """The token reached an end."""
    process = replace(instance.process, ending=Ending.COMPLETED, reason=event.reason)
    return _ended(replace(instance, process=process), ProcessState.COMPLETED, event)


def terminated(instance: Instance, event: ProcessTerminated) -> Instance:
    """The instance was cancelled, or failed."""
    return _ended(instance, ProcessState.TERMINATED, event)


def variable_set(instance: Instance, event: VariableSet) -> Instance:
    """A scope has a new value."""
    value = event.value
    if event.member:
        held = instance.variables[event.scope_key][event.name].value
        value = _with_members(held, event.member, value)
    variable = Variable(
        key=event.variable_key,
        process_instance_key=event.process_instance_key,
        scope_key=event.scope_key,
        name=event.name,
        value=value,
        tenant=instance.process.tenant,
    )
    scope = {**instance.variables.get(event.scope_key, {}), event.name: variable}
    return replace(instance, variables={**instance.variables, event.scope_key: scope})


def _ended(
    instance: Instance, state: ProcessState, event: ProcessCompleted | ProcessTerminated
) -> Instance:
    process = replace(
        instance.process, state=state, ended_at=event.at, due_at=None, output=event.output
    )
    return replace(instance, process=process)


def _with_members(held: object, member: str, added: object) -> object:
    """An object with members of its member set; what is no object gives way to one."""
    outer = dict(cast("Variables", held)) if isinstance(held, dict) else {}
    inner = outer.get(member)
    outer[member] = {
        **(cast("Variables", inner) if isinstance(inner, dict) else {}),
        **cast("Variables", added),
    }
    return outer
