"""BPMN becomes process graphs, or is refused element by element."""

from pathlib import Path

import pytest

from signoff_gateway.dialects.camunda.bpmn import ResourceRefused, compile_bpmn
from signoff_schemas.graph import EndNode, JobNode, Mapping, StartNode, UserTaskNode
from signoff_schemas.values import Listener, ListenerEvent

RESOURCES = Path(__file__).parent / "resources"
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d" targetNamespace="x">'
)


def document(body: str, attributes: str = 'isExecutable="true"') -> bytes:
    process = f'<bpmn:process id="p" {attributes}>{body}</bpmn:process>'
    return f"{HEAD}{process}</bpmn:definitions>".encode()


def flow(identifier: str, source: str, target: str, inner: str = "") -> str:
    ends = f'sourceRef="{source}" targetRef="{target}"'
    return f'<bpmn:sequenceFlow id="{identifier}" {ends}>{inner}</bpmn:sequenceFlow>'


def sequence(task: str) -> bytes:
    """A process with one task, whose id is ``t``."""
    start = '<bpmn:startEvent id="s"/>' + flow("f1", "s", "t")
    return document(start + task + flow("f2", "t", "e") + '<bpmn:endEvent id="e"/>')


def user_task(extensions: str = "", inner: str = "", attributes: str = "") -> bytes:
    return sequence(
        f'<bpmn:userTask id="t" {attributes}><bpmn:extensionElements><zeebe:userTask/>{extensions}'
        f"</bpmn:extensionElements>{inner}</bpmn:userTask>"
    )


def service_task(extensions: str) -> bytes:
    return sequence(
        f'<bpmn:serviceTask id="t"><bpmn:extensionElements>{extensions}'
        "</bpmn:extensionElements></bpmn:serviceTask>"
    )


def problems(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ResourceRefused) as refused:
        compile_bpmn(data, "p.bpmn")
    return refused.value.problems


def task_of(data: bytes) -> UserTaskNode:
    (graph,) = compile_bpmn(data, "p.bpmn")
    node = graph.nodes["t"]
    assert isinstance(node, UserTaskNode)
    return node


def test_a_model_of_the_modeler_is_compiled() -> None:
    data = (RESOURCES / "expense-approval.bpmn").read_bytes()

    (graph,) = compile_bpmn(data, "expense-approval.bpmn")

    assert (graph.process_id, graph.name) == ("expense-approval", "Expense approval")
    assert graph.start == "StartEvent_1"
    assert graph.nodes == {
        "StartEvent_1": StartNode(id="StartEvent_1", next="Activity_Review"),
        "Activity_Review": UserTaskNode(
            id="Activity_Review",
            next="Activity_Pay",
            name="Review expense",
            assignee="=reviewer",
            candidate_users='=[deputy, "kim"]',
            candidate_groups="finance, audit",
            due_date="=due",
            follow_up_date="2026-05-01T10:00:00Z",
            priority="77",
            headers={"team": "red"},
            listeners=(
                Listener(ListenerEvent.CREATING, "enrich"),
                Listener(ListenerEvent.COMPLETING, '="check-" + kind', "5"),
                Listener(ListenerEvent.CREATING, "notify", "=attempts"),
            ),
            form_id="expense-form",
            inputs=(Mapping("=order.amount", "amount"),),
            outputs=(Mapping("=approved", "decision.approved"),),
        ),
        "Activity_Pay": JobNode(
            id="Activity_Pay",
            next="Event_Done",
            name="Pay",
            job_type="pay",
            retries="=attempts",
            headers={"bank": "first"},
            inputs=(Mapping("EUR", "currency"),),
        ),
        "Event_Done": EndNode(id="Event_Done"),
    }


def test_pools_lanes_and_what_is_not_executed_are_passed_over() -> None:
    data = (RESOURCES / "pool-with-lanes.bpmn").read_bytes()

    (graph,) = compile_bpmn(data, "pool-with-lanes.bpmn")

    assert graph.process_id == "leave-request"
    task = graph.nodes["decide"]
    assert isinstance(task, UserTaskNode)
    assert task.form_external == "https://forms.example.org/leave"
    assert task.listeners == (Listener(ListenerEvent.ASSIGNING, "tell"),)


def test_everything_wrong_with_a_model_is_told_at_once() -> None:
    found = problems((RESOURCES / "unsupported.bpmn").read_bytes())

    unsupported = "are currently not supported. Supported are EndEvent, ServiceTask, StartEvent, "
    unsupported += "UserTask, in one sequence."
    assert found == [
        ("approved", f"Elements of type 'ExclusiveGateway' {unsupported}"),
        ("late", f"Elements of type 'BoundaryEvent' {unsupported}"),
        ("f3", "Conditions on sequence flows are currently not supported"),
        (
            "review > extensionElements > taskSchedule",
            (
                "Expected static value to be a valid DateTime String, e.g. "
                "'2023-03-02T15:35+02:00', but found 'soon'."
            ),
        ),
        (
            "review > extensionElements > priorityDefinition",
            "Priority must be a number between 0 and 100, but was '101'.",
        ),
    ]


def test_several_processes_of_a_file_are_compiled() -> None:
    one = '<bpmn:process id="{0}" isExecutable="1"><bpmn:startEvent id="s{0}"/>'
    one += '<bpmn:sequenceFlow id="f{0}" sourceRef="s{0}" targetRef="e{0}"/>'
    one += '<bpmn:endEvent id="e{0}"/></bpmn:process>'
    data = f"{HEAD}{one.format('a')}{one.format('b')}</bpmn:definitions>".encode()

    assert [graph.process_id for graph in compile_bpmn(data, "p.bpmn")] == ["a", "b"]


def test_defaults_of_the_model() -> None:
    node = task_of(user_task())

    assert node == UserTaskNode(id="t", next="e")


@pytest.mark.parametrize(
    ("name", "event"),
    [
        *((event.value, event) for event in ListenerEvent),
        ("create", ListenerEvent.CREATING),
        ("assignment", ListenerEvent.ASSIGNING),
        ("update", ListenerEvent.UPDATING),
        ("complete", ListenerEvent.COMPLETING),
        ("cancel", ListenerEvent.CANCELING),
    ],
)
def test_listener_events_have_two_names(name: str, event: ListenerEvent) -> None:
    listener = f'<zeebe:taskListener eventType="{name}" type="x"/>'

    node = task_of(user_task(f"<zeebe:taskListeners>{listener}</zeebe:taskListeners>"))

    assert node.listeners == (Listener(event, "x", "3"),)


def test_elements_of_other_tools_are_passed_over() -> None:
    node = task_of(user_task('<other:thing xmlns:other="urn:other" a="1"><other:b/></other:thing>'))

    assert node == UserTaskNode(id="t", next="e")


START = '<bpmn:startEvent id="s"/>'
END = '<bpmn:endEvent id="e"/>'
LINE = START + flow("f1", "s", "e") + END
PLAIN = (
    '<bpmn:userTask id="{0}"><bpmn:extensionElements><zeebe:userTask/></bpmn:extensionElements>'
    "</bpmn:userTask>"
)


def event_with(name: str, kind: str) -> bytes:
    event = f'<bpmn:{kind}Event id="x"><bpmn:{name}/></bpmn:{kind}Event>'
    if kind == "start":
        return document(event + flow("f1", "x", "e") + END)
    return document(START + flow("f1", "s", "x") + event)


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        (document(LINE, ""), "definitions", "Must contain at least one executable process"),
        (document(END), "p", "Must have at least one start event"),
        (
            document(LINE + '<bpmn:startEvent id="s2"/>' + flow("f2", "s2", "e")),
            "p",
            "Multiple none start events are not allowed",
        ),
        (document(LINE.replace('id="e"', 'id="s"')), "s", "multiple occurrences of ID value 's'"),
        (document(LINE.replace(' id="f1"', "")), "p > sequenceFlow", "id must be present"),
        (document(LINE.replace("e", "e ", 1)), "", "Line 1"),
        (document(LINE.replace('"e"', '"1e"')), "1e", "Element id '1e' is not valid."),
        (
            document(LINE.replace('targetRef="e"', 'targetRef="no"')),
            "f1",
            "no element with id 'no'",
        ),
        (
            document(LINE.replace('targetRef="e"', 'targetRef="f1"')),
            "f1",
            "no element with id 'f1'",
        ),
        (
            document(LINE + '<bpmn:textAnnotation id="note"/>' + flow("f2", "s", "note")),
            "f2",
            "There is no element with id 'note'.",
        ),
        (document(START + END), "s", "exactly one outgoing sequence flow, but has 0"),
        (
            document(LINE + flow("f2", "s", "e")),
            "s",
            "exactly one outgoing sequence flow, but has 2",
        ),
        (document(LINE + flow("f2", "e", "s")), "e", "End events must not have outgoing"),
        (
            document(LINE + PLAIN.format("t") + flow("f2", "t", "e")),
            "t",
            "Must be reachable from the start event",
        ),
        (
            document(
                START
                + flow("f1", "s", "t")
                + PLAIN.format("t")
                + flow("f2", "t", "u")
                + PLAIN.format("u")
                + flow("f3", "u", "t")
            ),
            "t",
            "Loops are currently not supported",
        ),
        (document(LINE + '<bpmn:subProcess id="x"/>'), "x", "'SubProcess' are currently not"),
        (document(LINE + '<bpmn:parallelGateway id="x"/>'), "x", "'ParallelGateway' are"),
        (document(LINE + '<bpmn:callActivity id="x"/>'), "x", "'CallActivity' are currently"),
        (document(LINE + '<bpmn:intermediateCatchEvent id="x"/>'), "x", "'IntermediateCatchEvent'"),
        (document(LINE + '<bpmn:adHocSubProcess id="x"/>'), "x", "'AdHocSubProcess'"),
        (event_with("timerEventDefinition", "start"), "x", "Must be a none start event"),
        (event_with("messageEventDefinition", "start"), "x", "Must be a none start event"),
        (event_with("terminateEventDefinition", "end"), "x", "Must be a none end event"),
        (event_with("errorEventDefinition", "end"), "x", "Must be a none end event"),
        (
            document(
                "<bpmn:extensionElements><zeebe:executionListeners/></bpmn:extensionElements>"
                + LINE
            ),
            "p > extensionElements > executionListeners",
            "'zeebe:executionListeners' is currently not supported here",
        ),
        (
            document(
                '<bpmn:startEvent id="s"><bpmn:extensionElements><zeebe:formDefinition formId="f"/>'
                "</bpmn:extensionElements></bpmn:startEvent>" + flow("f1", "s", "e") + END
            ),
            "s > extensionElements > formDefinition",
            "'zeebe:formDefinition' is currently not supported here",
        ),
    ],
)
def test_what_is_no_plain_sequence_is_refused(data: bytes, path: str, reason: str) -> None:
    found = problems(data)

    assert next(each for each, _ in found) == path
    assert reason in found[0][1]


def part(name: str, attributes: str) -> str:
    return f"<zeebe:{name} {attributes}/>"


def listener(attributes: str) -> str:
    return f"<zeebe:taskListeners>{part('taskListener', attributes)}</zeebe:taskListeners>"


def mapped(direction: str, attributes: str) -> str:
    return f"<zeebe:ioMapping>{part(direction, attributes)}</zeebe:ioMapping>"


ONE_FORM = (
    "Exactly one of the attributes 'formId, externalReference' must be present and not blank "
    "for native user tasks"
)
LIST = "Expected static value to be a list of comma-separated values, e.g. 'a,b,c', but found "
DATE = "Expected static value to be a valid DateTime String, e.g. '2023-03-02T15:35+02:00', "
PATTERN = r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*"
RESERVED = "io.camunda.zeebe:"


@pytest.mark.parametrize(
    ("extension", "path", "reason"),
    [
        (part("assignmentDefinition", 'candidateUsers="a,,b"'), "", LIST + "'a,,b'."),
        (part("assignmentDefinition", 'candidateGroups=","'), "", LIST + "','."),
        (
            part("assignmentDefinition", 'assignee="=a b"'),
            "",
            "failed to parse expression 'a b': Expected the end of the expression:1:3, found \"b\"",
        ),
        (part("taskSchedule", 'dueDate="2026-05-01"'), "", DATE + "but found '2026-05-01'."),
        (
            part("taskSchedule", 'followUpDate="2026-05-01T10:00+0100"'),
            "",
            DATE + "but found '2026-05-01T10:00+0100'.",
        ),
        (
            part("priorityDefinition", 'priority="101"'),
            "",
            "Priority must be a number between 0 and 100, but was '101'.",
        ),
        (
            part("priorityDefinition", 'priority="2.5"'),
            "",
            "Expected static value to be a valid Number between 0 and 100, but found '2.5'.",
        ),
        (
            (
                '<zeebe:taskHeaders><zeebe:header key="io.camunda.zeebe:x" value="1"/>'
                "</zeebe:taskHeaders>"
            ),
            "taskHeaders",
            (
                f"Attribute 'key' contains '{RESERVED}x', but header keys starting with "
                f"'{RESERVED}' are reserved for internal use."
            ),
        ),
        (part("formDefinition", 'formId="a" externalReference="b"'), "", ONE_FORM),
        (part("formDefinition", 'formKey="embedded"'), "", ONE_FORM),
        (part("formDefinition", 'formId=" "'), "", ONE_FORM),
        (
            part("formDefinition", 'formId="a" bindingType="deployment"'),
            "",
            "The binding type 'deployment' is currently not supported, only 'latest'",
        ),
        (
            part("formDefinition", 'formId="a" bindingType="versionTag" versionTag="1"'),
            "",
            "The binding type 'versionTag' is currently not supported, only 'latest'",
        ),
        (
            part("formDefinition", 'formId="a" bindingType="newest"'),
            "",
            "Attribute 'bindingType' must be one of: deployment, latest, versionTag",
        ),
        (
            listener('type="x"'),
            "taskListeners > taskListener",
            "Attribute 'eventType' must be present and not empty",
        ),
        (
            listener('eventType="creating"'),
            "taskListeners > taskListener",
            "Attribute 'type' must be present and not empty",
        ),
        (
            listener('eventType="all" type="x"'),
            "taskListeners > taskListener",
            (
                "Attribute 'eventType' must be one of: assigning, canceling, completing, creating, "
                "updating, but was 'all'"
            ),
        ),
        (
            listener('eventType="creating" type="x" retries="often"'),
            "taskListeners > taskListener",
            "Expected static value to be a valid Number, but found 'often'.",
        ),
        (
            mapped("input", 'source="=a" target="a b"'),
            "ioMapping > input",
            f"Expected path expression 'a b' but doesn't match the pattern '{PATTERN}'.",
        ),
        (
            mapped("input", 'source="=a"'),
            "ioMapping > input",
            "Expected path expression but not found.",
        ),
        (
            mapped("output", 'source="a" target="b"'),
            "ioMapping > output",
            (
                "Expected expression but found static value 'a'. An expression must start with '=' "
                "(e.g. '=a')."
            ),
        ),
        (
            mapped("output", 'target="b"'),
            "ioMapping > output",
            "Expected expression but not found.",
        ),
        (
            part("executionListeners", ""),
            "executionListeners",
            "'zeebe:executionListeners' is currently not supported here",
        ),
        (
            part("taskDefinition", 'type="x"'),
            "taskDefinition",
            "'zeebe:taskDefinition' is currently not supported here",
        ),
        (
            part("taskSchedule", "") * 2,
            "taskSchedule",
            "Must have at most one 'zeebe:taskSchedule' extension element",
        ),
    ],
)
def test_what_is_wrong_in_a_user_task_is_refused(extension: str, path: str, reason: str) -> None:
    name = path or extension[len("<zeebe:") :].split(maxsplit=1)[0]

    assert problems(user_task(extension)) == [(f"t > extensionElements > {name}", reason)]


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        (
            sequence('<bpmn:userTask id="t"/>'),
            "t",
            "Must have a 'zeebe:userTask' extension element",
        ),
        (
            user_task(inner="<bpmn:multiInstanceLoopCharacteristics/>"),
            "t",
            (
                "Elements of type 'MultiInstanceLoopCharacteristics' are currently not supported. "
                "Supported are EndEvent, ServiceTask, StartEvent, UserTask, in one sequence."
            ),
        ),
        (
            user_task(attributes='isForCompensation="true"'),
            "t",
            "Compensation is currently not supported",
        ),
        (
            sequence('<bpmn:serviceTask id="t"/>'),
            "t",
            "Must have exactly one 'zeebe:taskDefinition' extension element",
        ),
        (
            service_task("<zeebe:taskDefinition/>"),
            "t > extensionElements > taskDefinition",
            "Attribute 'type' must be present and not empty",
        ),
        (
            service_task('<zeebe:taskDefinition type="=f("/>'),
            "t > extensionElements > taskDefinition",
            "failed to parse expression 'f(': the function 'f' is not supported",
        ),
    ],
)
def test_what_is_wrong_with_a_task_is_refused(data: bytes, path: str, reason: str) -> None:
    assert problems(data) == [(path, reason)]
