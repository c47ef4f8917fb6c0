"""No bytes, however hostile, do more than get a file refused."""

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_gateway.dialects.camunda import bpmn_xml
from signoff_gateway.dialects.camunda.bpmn import ResourceRefused, compile_bpmn

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
STEPS = '<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/><endEvent id="e"/>'
VALID = (
    f'<definitions xmlns="{BPMN}"><process id="p" isExecutable="true">{STEPS}</process>'
    "</definitions>"
)
DTD = "Document type declarations and entities are not allowed."


def refusal(data: bytes) -> str:
    with pytest.raises(ResourceRefused) as refused:
        compile_bpmn(data, "attack.bpmn")
    ((path, reason),) = refused.value.problems
    assert not path
    return reason


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE x>",
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://example.org/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://example.org/x.dtd"> %a;]>',
    ],
)
def test_documents_with_a_dtd_are_refused(doctype: str) -> None:
    assert refusal(f"{doctype}{VALID}".encode()) == DTD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<a",
        b"<a>&nbsp;</a>",
        b"<a>&#0;</a>",
        b"\x00\x01\x02",
        VALID.encode() + b"<b/>",
        b'<a b="1" b="2"/>',
        b"<x:a/>",
        b'<a b="\xff"/>',
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line(data: bytes) -> None:
    assert refusal(data).startswith("Line 1, column ")


@pytest.mark.parametrize("encoding", ["no-such-encoding", "utf-7", "idna", "hex", "shift_jis"])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    assert refusal(f'<?xml version="1.0" encoding="{encoding}"?>{VALID}'.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_encodings_of_xml_are_read(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    data = f'<?xml version="1.0" encoding="{name}"?>{VALID}'.encode(encoding)

    (graph,) = compile_bpmn(data, "p.bpmn")

    assert graph.process_id == "p"


def test_too_large_too_deep_and_too_many_are_refused() -> None:
    assert "larger than" in refusal(b" " * (bpmn_xml.BYTES_MAX + 1))
    assert "nested deeper than 64 levels" in refusal(b"<a>" * 100_000)
    assert "more than 50000 elements" in refusal(b"<a>" + b"<b/>" * 60_000 + b"</a>")


def test_another_document_is_no_model() -> None:
    assert refusal(b"<html/>") == "'attack.bpmn' is no BPMN 2.0 document: it begins with 'html'."


def test_the_largest_file_is_read_within_seconds() -> None:
    filler = '<association id="a"/>' * 40_000
    data = VALID.replace("<process", f"<collaboration>{filler}</collaboration><process").encode()
    before = time.process_time()

    compile_bpmn(data, "p.bpmn")

    assert time.process_time() - before < 5


def test_a_long_sequence_needs_no_deep_stack() -> None:
    steps = "".join(
        f'<userTask id="t{n}"><extensionElements><z:userTask/></extensionElements></userTask>'
        f'<sequenceFlow id="f{n}" sourceRef="t{n}" targetRef="t{n + 1}"/>'
        for n in range(5_000)
    )
    data = (
        f'<definitions xmlns="{BPMN}" xmlns:z="http://camunda.org/schema/zeebe/1.0">'
        '<process id="p" isExecutable="true"><startEvent id="s"/>'
        f'<sequenceFlow id="f" sourceRef="s" targetRef="t0"/>{steps}<endEvent id="t5000"/>'
        "</process></definitions>"
    )

    (graph,) = compile_bpmn(data.encode(), "p.bpmn")

    assert len(graph.nodes) == 5_002


@given(st.binary())
def test_any_bytes_are_compiled_or_refused(data: bytes) -> None:
    with pytest.raises(ResourceRefused):
        compile_bpmn(data, "p.bpmn")


_TAGS = (
    "process",
    "startEvent",
    "endEvent",
    "userTask",
    "serviceTask",
    "sequenceFlow",
    "extensionElements",
    "z:userTask",
    "z:taskDefinition",
    "z:ioMapping",
    "z:input",
    "lane",
)
_NAMES = ("isExecutable", "sourceRef", "targetRef", "type", "retries", "source", "target")
_VALUES = ("", "true", "=x", "=(", "1")
_IDS = "abcdefghijkl"


def _elements(random: Random, depth: int = 0) -> str:
    """Some elements with attributes and elements within, nearly all with an id of their own."""
    made: list[str] = []
    ids = random.sample(_IDS, len(_IDS))
    for _ in range(random.randrange(3 if depth else 8)):
        names = random.sample(_NAMES, random.randrange(4))
        attributes = {each: random.choice((*_IDS[:3], *_VALUES)) for each in names}
        if random.random() < 0.95:
            attributes["id"] = f"{ids.pop()}{depth or ''}"
        listed = "".join(f' {name}="{value}"' for name, value in attributes.items())
        tag = random.choice(_TAGS)
        made.append(f"<{tag}{listed}>{_elements(random, depth + 1) if depth < 3 else ''}</{tag}>")
    return "".join(made)


def test_any_elements_are_compiled_or_refused() -> None:
    head = f'<definitions xmlns="{BPMN}" xmlns:z="http://camunda.org/schema/zeebe/1.0">'
    for seed in range(1000):
        body = _elements(Random(seed))
        steps = STEPS if seed % 2 else ""
        inner = f'<process id="p" isExecutable="true">{steps}{body}</process>'
        try:
            (graph,) = compile_bpmn(f"{head}{inner}</definitions>".encode(), "p.bpmn")
        except ResourceRefused as refused:
            assert refused.problems, body  # noqa: PT017 - a refusal says why
        else:
            assert graph.start in graph.nodes, body
