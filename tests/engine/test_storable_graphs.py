"""Processes in which a token would get lost or go in circles, or that cannot be kept."""

from typing import Any

import pytest

from signoff_schemas.commands import Deploy, Resource
from signoff_schemas.graph import (
    ChoiceNode,
    EndNode,
    Node,
    ProcessGraph,
    SetVariablesNode,
    StartNode,
    TerminateNode,
    UserTaskNode,
)
from signoff_schemas.rejections import Code
from signoff_schemas.templates import Frame, Object, Reference, Text, Value
from tests.support.engine import Bench, refusal_of, result_of

END = EndNode(id="end")
NUL = Value(value="a\0b")
NEVER = 1 << 40
FRAME = Frame("process")


def choice(*, otherwise: str = "end", **cases: str) -> ChoiceNode:
    return ChoiceNode(id="n", on=Reference(path=("x",)), cases=cases, otherwise=otherwise)


def task(**given: Any) -> UserTaskNode:
    return UserTaskNode.model_validate({"id": "n", "next": "end", **given})


def deployed(*nodes: Node, frame: Frame | None = FRAME, **given: Any) -> Deploy:
    """A graph of a start, these nodes, and an end; the token goes to the node ``n`` first."""
    values: dict[str, Any] = {"process_id": "p", "start": "start", "frame": frame, **given}
    named: dict[str, Node] = {node.id: node for node in (*nodes, END)}
    graph = ProcessGraph(nodes={"start": StartNode(id="start", next="n"), **named}, **values)
    return Deploy(resources=(Resource(name="p", digest="d", processes=(graph,)),))


@pytest.mark.parametrize(
    "deploy",
    [
        deployed(task()),
        deployed(choice(a="b", b="b"), task(id="b")),
        deployed(SetVariablesNode(id="n", next="end", template=Object(members={}))),
        deployed(TerminateNode(id="n", ending=Value(value="FAILED"))),
        deployed(task(), version=7, timeout_seconds=60),
    ],
)
def test_process_that_is_fine(deploy: Deploy) -> None:
    assert "deployment_key" in result_of(Bench().send(deploy))


@pytest.mark.parametrize(
    "deploy",
    [
        deployed(choice(otherwise="nowhere")),
        deployed(choice(a="nowhere")),
        deployed(choice(a="start")),
        deployed(task(next="n")),
        deployed(task(next="b"), task(id="b", next="n")),
        deployed(choice(a="b"), task(id="b", next="n")),
        deployed(choice(a="\0")),
        deployed(choice(), frame=None),
        deployed(TerminateNode(id="n", ending=Value(value="FAILED")), frame=None),
        deployed(TerminateNode(id="n", ending=Value(value="FAILED"), reason=NUL)),
        deployed(SetVariablesNode(id="n", next="end", template=Object(members={"a": NUL}))),
        deployed(task(template=Object(members={"a\0": Value(value=1)}))),
        deployed(task(policy=Text(parts=(NUL,)))),
        deployed(task(policy=Value(value=float("nan")))),
        deployed(task(rule="x" * 501)),
        deployed(task(), output=Object(members={"a": NUL})),
        deployed(task(), frame=Frame("a\0")),
        deployed(task(), version=0),
        deployed(task(), version=NEVER),
        deployed(task(), timeout_seconds=-1),
        deployed(task(), timeout_seconds=NEVER),
    ],
)
def test_process_that_is_refused(deploy: Deploy) -> None:
    refusal = refusal_of(Bench().send(deploy))

    assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": "resources"})
