"""Nodes of graphs with a frame: what they are given, what they leave, and those that take no time.

What a template makes is held to the same limits as what people send. Whatever it cannot make is a
``TemplateError``, which ends the instance.
"""

from collections.abc import Collection
from typing import cast

from signoff_broker.engine import scopes
from signoff_broker.engine.budget import TemplateError
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.processors.templates import evaluate, printed
from signoff_broker.engine.state import Definition, Process
from signoff_schemas.graph import (
    ChoiceNode,
    JobNode,
    ProcessGraph,
    SetVariablesNode,
    TerminateNode,
    UserTaskNode,
)
from signoff_schemas.ids import uuid_of
from signoff_schemas.limits import VARIABLES_BYTES_MAX, VARIABLES_MAX
from signoff_schemas.process_events import ElementEntered, ElementLeft, VariableSet
from signoff_schemas.templates import Frame, Object, Reference, Template
from signoff_schemas.values import Variables
from signoff_schemas.work import Ending, TaskRule, TimeoutPolicy

_SECOND_MS = 1_000
_ENDINGS = {each.value: each for each in Ending}
Instant = ChoiceNode | SetVariablesNode | TerminateNode


def definition_of(draft: Draft) -> Definition:
    """The definition that the instance runs; stand-alone tasks have none."""
    return draft.settings.definitions[draft.open.process.process.definition_key]


def frame_of(draft: Draft) -> Frame | None:
    """The frame of the instance's graph."""
    if draft.open.process.standalone is not None:
        return None
    return definition_of(draft).graph.frame


def open_up(frame: Frame, process: Process, variables: Variables) -> Variables:
    """What the nodes know of an instance as a whole, when it begins."""
    facts: dict[str, object] = {
        frame.key: uuid_of(process.key),
        frame.process_id: process.process.process_id,
        frame.version: process.process.version,
        frame.business_id: process.business_id,
        frame.started_by: process.started_by,
    }
    named = {name: fact for name, fact in facts.items() if name}
    return {frame.name: {**named, "input": variables, "variables": {}}}


def made(draft: Draft, template: Template) -> object:
    """What a template comes to now. Raises: TemplateError."""
    before = draft.budget.left
    value = evaluate(template, scopes.world_of(draft.open), draft.budget)
    _must_fit(draft, before)
    return value


def made_variables(draft: Draft, template: Object) -> Variables:
    """The variables that a template makes. Raises: TemplateError."""
    values = cast("Variables", made(draft, template))
    _must_be_few(values)
    return values


def deadline(graph: ProcessGraph, started_at: int) -> int | None:
    """Epoch milliseconds at which the instance as a whole is late."""
    if graph.timeout_seconds <= 0 or graph.alert_only:
        return None
    return started_at + graph.timeout_seconds * _SECOND_MS


def due_at(draft: Draft, rule: TaskRule) -> int | None:
    """Epoch milliseconds at which a node that is entered now, or its instance, is late."""
    ends = deadline(definition_of(draft).graph, draft.open.process.started_at)
    if rule.timeout_seconds <= 0 or rule.timeout_policy is TimeoutPolicy.ALERT_ONLY:
        return ends
    own = draft.now + rule.timeout_seconds * _SECOND_MS
    return own if ends is None else min(own, ends)


def rule_of(draft: Draft, name: str) -> TaskRule:
    """The rule with this name, as it is now."""
    return draft.settings.rules.get(name) or TaskRule()


def retries_of(node: UserTaskNode | JobNode, rule: TaskRule) -> int:
    """How often a node may be begun again: as it says itself, else by its rule."""
    own = node.retries if isinstance(node, JobNode) else ""
    return int(own) if own.isascii() and own.isdigit() and len(own) < 10 else max(rule.retries, 0)


def leave_behind(draft: Draft, node_id: str, given: Variables, output: Variables) -> None:
    """The work at a node is done: its result goes under its id, and the token leaves it."""
    process = draft.open.process
    scopes.set_local(draft, process.key, {node_id: {"input": given, "output": output}})
    draft.emit(
        ElementLeft(
            process_instance_key=process.key,
            node_id=node_id,
            output=output,
            ending=Ending.COMPLETED,
            at=draft.now,
        )
    )


def choose(draft: Draft, node: ChoiceNode) -> tuple[str, Variables]:
    """The id of the node to go on with, and the output. Raises: TemplateError."""
    value = made(draft, node.on)
    text = printed(value)
    draft.budget.spend(len(text))
    output: Variables = {"case": text}
    _visit(draft, node, {"on": value}, output)
    return node.cases.get(text, node.otherwise), output


def set_variables(draft: Draft, node: SetVariablesNode, frame: Frame) -> None:
    """Set variables of the instance. Only what is new is on record. Raises: TemplateError."""
    before = draft.budget.left
    values = made_variables(draft, node.template)
    held = made(draft, Reference(path=(frame.name, "variables")))
    _must_fit(draft, before)
    _must_be_few(values.keys() | (cast("Variables", held) if isinstance(held, dict) else {}))
    process = draft.open.process
    there = draft.open.variables.get(process.key, {}).get(frame.name)
    if there is not None and values:
        draft.emit(
            VariableSet(
                process_instance_key=process.key,
                scope_key=process.key,
                variable_key=there.key,
                name=frame.name,
                value=values,
                created=False,
                member="variables",
            )
        )
    _visit(draft, node, values, {})


def terminate(draft: Draft, node: TerminateNode) -> tuple[Ending, str, Variables]:
    """How, why and with what the instance ends. Raises: TemplateError."""
    ending = made(draft, node.ending)
    reason = printed(None if node.reason is None else made(draft, node.reason))
    output = final_output(draft, {}) if node.output is None else made(draft, node.output)
    outcome = cast("Variables", output) if isinstance(output, dict) else {"output": output}
    _visit(draft, node, {"ending": ending, "reason": reason, "output": output}, outcome)
    return _ENDINGS.get(printed(ending), Ending.FAILED), reason, outcome


def final_output(draft: Draft, last: Variables) -> Variables:
    """What the instance gives at its end; ``last`` is the last node's. Raises: TemplateError."""
    template = definition_of(draft).graph.output
    return last if template is None else made_variables(draft, template)


def _must_fit(draft: Draft, before: int) -> None:
    """What was made since is not more than a command may bring."""
    if before - draft.budget.left > VARIABLES_BYTES_MAX:
        raise TemplateError(f"There is more than {VARIABLES_BYTES_MAX} bytes in one place.")


def _must_be_few(names: Collection[str]) -> None:
    if len(names) > VARIABLES_MAX:
        raise TemplateError(f"There are more than {VARIABLES_MAX} variables in one place.")


def _visit(draft: Draft, node: Instant, given: Variables, output: Variables) -> None:
    process = draft.open.process
    draft.emit(
        ElementEntered(
            process_instance_key=process.key,
            node_id=node.id,
            element_instance_key=draft.new_key(),
            input=given,
            due_at=process.due_at,
            at=draft.now,
        )
    )
    leave_behind(draft, node.id, given, output)
