"""Graphs with a frame, and instances of them, for tests of the engine."""

from typing import Any

from signoff_schemas.commands import Deploy, Resource, StartProcess
from signoff_schemas.graph import (
    ChoiceNode,
    EndNode,
    JobNode,
    Node,
    ProcessGraph,
    SetVariablesNode,
    StartNode,
    TerminateNode,
    UserTaskNode,
)
from signoff_schemas.templates import Frame, Items, Object, Reference, Template, Text, Value
from tests.support.engine import Bench, result_of

FRAME = Frame(name="whole", key="id", process_id="type", version="version", started_by="by")


def of(value: object) -> Template:
    """A template from a short notation: ``$a.b.0`` is a reference, ``x$a.b`` a text with one."""
    if isinstance(value, dict):
        return obj(value)
    if isinstance(value, list):
        return Items(items=tuple(map(of, value)))
    if isinstance(value, str) and "$" in value:
        before, _, path = value.partition("$")
        names = [int(each) if each.isdigit() else each for each in path.split(".")]
        reference = Reference(path=tuple(names))
        return Text(parts=(Value(value=before), reference)) if before else reference
    return Value(value=value)


def obj(members: dict[str, Any]) -> Object:
    return Object(members={name: of(member) for name, member in members.items()})


def human(id_: str, next_: str = "end", given: dict[str, Any] | None = None, **more: Any) -> Node:
    return UserTaskNode(id=id_, next=next_, template=obj(given or {}), **more)


def work(id_: str, next_: str = "end", given: dict[str, Any] | None = None, **more: Any) -> Node:
    values: dict[str, Any] = {"job_type": "work", "retries": "", **more}
    return JobNode(id=id_, next=next_, template=obj(given or {}), **values)


def choice(id_: str, on: object, cases: dict[str, str], otherwise: str = "end") -> Node:
    return ChoiceNode(id=id_, on=of(on), cases=cases, otherwise=otherwise)


def sets(id_: str, next_: str, values: dict[str, Any]) -> Node:
    return SetVariablesNode(id=id_, next=next_, template=obj(values))


def stop(id_: str, ending: object, reason: object = None, output: object = None) -> Node:
    return TerminateNode(
        id=id_,
        ending=of(ending),
        reason=None if reason is None else of(reason),
        output=None if output is None else of(output),
    )


def framed(*nodes: Node, **more: Any) -> ProcessGraph:
    """A graph that begins at the first of these nodes; they name the next ones themselves."""
    values: dict[str, Any] = {"process_id": "f", "frame": FRAME, "version": 1, **more}
    everything = (StartNode(id="start", next=nodes[0].id), *nodes, EndNode(id="end"))
    return ProcessGraph(start="start", nodes={node.id: node for node in everything}, **values)


def deploy(bench: Bench, graph: ProcessGraph, **more: Any) -> Any:
    digest = str(len(bench.steps))
    resource = Resource(name="f.json", digest=digest, processes=(graph,))
    return bench.send(Deploy(resources=(resource,), **more))


def run(bench: Bench, *nodes: Node, variables: dict[str, Any] | None = None, **graph: Any) -> int:
    """Deploy, and start an instance; gives its key."""
    result_of(deploy(bench, framed(*nodes, **graph), overwrite=True))
    started = bench.send(StartProcess(process_id="f", variables=variables or {}))
    key: int = result_of(started)["process_instance_key"]
    return key


def elements(bench: Bench) -> dict[str, Any]:
    """The last visit to every node, as it would be stored by now."""
    kept: dict[int, Any] = {}
    for step in bench.steps:
        kept |= step.touched.elements
    return {kept[key].node_id: kept[key] for key in sorted(kept)}


def process(bench: Bench, key: int) -> Any:
    """The newest version of an instance, open or ended."""
    return next(
        s.touched.processes[key] for s in reversed(bench.steps) if key in s.touched.processes
    )
