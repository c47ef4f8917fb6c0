"""Workflow definitions and the graphs they become."""

from typing import Any

import pytest

from signoff_gateway.dialects.orkes.compiler import compile_definition
from signoff_gateway.dialects.orkes.definitions import WorkflowDef
from signoff_gateway.dialects.orkes.offences import DefinitionRefused
from signoff_schemas.graph import ChoiceNode, JobNode, ProcessGraph, TerminateNode, UserTaskNode
from signoff_schemas.templates import Frame, Items, Object, Reference, Text, Value

Json = dict[str, Any]


def compiled(*tasks: Json, **options: Any) -> ProcessGraph:
    return compile_definition(
        WorkflowDef.model_validate({"name": "flow", "tasks": list(tasks), **options})
    )


def refused(*tasks: Json, **options: Any) -> list[str]:
    with pytest.raises(DefinitionRefused) as caught:
        compiled(*tasks, **options)
    return [each.message for each in caught.value.offences]


def simple(reference: str, **inputs: Any) -> Json:
    return {
        "name": f"do_{reference}",
        "taskReferenceName": reference,
        "type": "SIMPLE",
        "inputParameters": inputs,
    }


def human(reference: str = "approve", definition: Any = None, **inputs: Any) -> Json:
    if definition is not None:
        inputs["__humanTaskDefinition"] = definition
    return {
        "name": "approval",
        "taskReferenceName": reference,
        "type": "HUMAN",
        "inputParameters": inputs,
    }


def switch(reference: str, cases: dict[str, list[Json]], default: list[Json]) -> Json:
    return {
        "name": reference,
        "taskReferenceName": reference,
        "type": "SWITCH",
        "evaluatorType": "value-param",
        "expression": "which",
        "inputParameters": {"which": "${workflow.input.kind}"},
        "decisionCases": cases,
        "defaultCase": default,
    }


def terminate(reference: str, **inputs: Any) -> Json:
    return {
        "name": "stop",
        "taskReferenceName": reference,
        "type": "TERMINATE",
        "inputParameters": {"terminationStatus": "FAILED", **inputs},
    }


def follow(graph: ProcessGraph, *choices: str) -> list[str]:
    """The ids of the nodes that a token visits, taking ``choices`` in turn."""
    wanted = list(choices)
    visited: list[str] = []
    here = graph.start
    while here:
        visited.append(here)
        node: Any = graph.nodes[here]
        if isinstance(node, ChoiceNode):
            here = node.cases.get(wanted.pop(0), node.otherwise)
        else:
            here = getattr(node, "next", "")
    return visited


def test_tasks_follow_one_another_between_start_and_end() -> None:
    graph = compiled(simple("a"), human("b"), version=3, timeoutSeconds=60)

    assert (graph.process_id, graph.name, graph.version) == ("flow", "flow", 3)
    assert follow(graph) == ["__start", "a", "b", "__end"]
    assert (graph.timeout_seconds, graph.alert_only, graph.output) == (60, False, None)
    assert graph.frame == Frame(
        name="workflow",
        key="workflowId",
        process_id="workflowType",
        version="version",
        business_id="correlationId",
        started_by="createdBy",
    )


def test_a_simple_task_is_a_job_of_its_name() -> None:
    node = compiled(simple("charge_ref", amount=5)).nodes["charge_ref"]

    assert isinstance(node, JobNode)
    assert (node.job_type, node.rule, node.name) == ("do_charge_ref",) * 3
    assert node.template == Object(members={"amount": Value(value=5)})


@pytest.mark.parametrize(
    ("choices", "path"),
    [
        (["x", "y"], ["s", "a", "inner", "b", "after"]),
        (["x", "other"], ["s", "a", "inner", "after"]),
        (["empty"], ["s", "after"]),
        (["other"], ["s", "c", "d", "after"]),
        (["dead"], ["s", "stop"]),
    ],
)
def test_branches_join_again_behind_a_switch(choices: list[str], path: list[str]) -> None:
    inner = switch("inner", {"y": [simple("b")]}, [])
    cases = {"x": [simple("a"), inner], "empty": [], "dead": [terminate("stop")]}
    graph = compiled(switch("s", cases, [simple("c"), simple("d")]), simple("after"))

    ends = [] if choices == ["dead"] else ["__end"]
    assert follow(graph, *choices) == ["__start", *path, *ends]


def test_a_switch_looks_at_the_input_that_its_expression_names() -> None:
    node = compiled(switch("s", {}, [])).nodes["s"]
    assert isinstance(node, ChoiceNode)
    assert node.on == Reference(path=("workflow", "input", "kind"))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("${s.output.selectedCase}", ("s", "output", "case")),
        ("${s.output.evaluationResult[0]}", ("s", "output", "case")),
        ("${s.input.which}", ("s", "input", "on")),
    ],
)
def test_what_a_switch_chose_can_be_referred_to(text: str, path: tuple[str, ...]) -> None:
    node = compiled(switch("s", {}, []), simple("a", v=text)).nodes["a"]
    assert isinstance(node, JobNode)
    assert node.template == Object(members={"v": Reference(path=path)})


def test_terminate_tells_status_reason_and_output() -> None:
    graph = compiled(
        simple("a"),
        terminate("t", terminationReason="no ${a.output.why}", workflowOutput="${a.output}"),
    )
    node = graph.nodes["t"]
    assert isinstance(node, TerminateNode)
    assert node.ending == Value(value="FAILED")
    assert node.reason == Text(parts=(Value(value="no "), Reference(path=("a", "output", "why"))))
    assert node.output == Reference(path=("a", "output"))


def test_variables_of_the_definition_are_set_first_and_literally() -> None:
    graph = compiled(simple("a"), variables={"n": 1, "t": "${x}"})
    assert follow(graph) == ["__start", "__variables", "a", "__end"]
    node: Any = graph.nodes["__variables"]
    assert node.template == Object(members={"n": Value(value=1), "t": Value(value="${x}")})


def test_outputs_of_the_definition_are_a_template() -> None:
    graph = compiled(simple("a"), outputParameters={"r": "${a.output.r}"})
    assert graph.output == Object(members={"r": Reference(path=("a", "output", "r"))})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("${workflow.input}", ("workflow", "input")),
        ("${workflow.input.a.b}", ("workflow", "input", "a", "b")),
        ("${ workflow.variables.v }", ("workflow", "variables", "v")),
        ("${workflow.workflowId}", ("workflow", "workflowId")),
        ("${workflow.createdBy}", ("workflow", "createdBy")),
        ("${a.output.list[0].x[1][2]}", ("a", "output", "list", 0, "x", 1, 2)),
        ("${a.output['odd name'].x}", ("a", "output", "odd name", "x")),
        ('${a.input["b.c"]}', ("a", "input", "b.c")),
        ("${a.output.with-dash}", ("a", "output", "with-dash")),
    ],
)
def test_a_lone_reference_keeps_its_type(text: str, path: tuple[str | int, ...]) -> None:
    node = compiled(simple("a"), simple("b", v=text)).nodes["b"]
    assert isinstance(node, JobNode)
    assert node.template == Object(members={"v": Reference(path=path)})


def test_references_stand_within_texts_lists_and_objects() -> None:
    value = {"list": [1, "a ${a.output.n} of ${workflow.version}"], "literal": {"deep": [True]}}
    node = compiled(simple("a"), simple("b", v=value)).nodes["b"]

    assert isinstance(node, JobNode)
    text = Text(
        parts=(
            Value(value="a "),
            Reference(path=("a", "output", "n")),
            Value(value=" of "),
            Reference(path=("workflow", "version")),
        )
    )
    assert node.template is not None
    assert node.template.members["v"] == Object(
        members={
            "list": Items(items=(Value(value=1), text)),
            "literal": Value(value={"deep": [True]}),
        }
    )


@pytest.mark.parametrize(
    ("text", "literal"),
    [("$${a.output}", "${a.output}"), ("100 $", "100 $"), ("${open", "${open"), ("{a}", "{a}")],
)
def test_what_is_no_reference_is_literal(text: str, literal: str) -> None:
    node = compiled(simple("a", v=text)).nodes["a"]
    assert isinstance(node, JobNode)
    assert node.template == Object(members={"v": Value(value=literal)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x ${nobody.output.x}",
            (
                "taskReferenceName: nobody for given task: do_a input value: v of input "
                "parameter: x ${nobody.output.x} is not defined in workflow definition."
            ),
        ),
        ("${a.status}", "the reference ${a.status} is not supported"),
        ("${a}", "the reference ${a} is not supported"),
        ("${workflow.secrets.key}", "the reference ${workflow.secrets.key} is not supported"),
        ("${workflow.version.x}", "the reference ${workflow.version.x} is not supported"),
        ("${a.output..x}", "the reference ${a.output..x} is not supported"),
        ("${a.output[*].x}", "the reference ${a.output[*].x} is not supported"),
        ("${a.output.length()}", "the reference ${a.output.length()} is not supported"),
        ("${}", "the reference ${} is not supported"),
        ("${a.output[0}", "the reference ${a.output[0} is not supported"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_by_name(text: str, message: str) -> None:
    [offence] = refused(simple("a", v=[{"deep": text}]))
    assert offence.startswith(message)


@pytest.mark.parametrize(
    "definition",
    [
        {"assignments": [{"assignee": {"userType": "CONDUCTOR_GROUP", "user": "g"}}]},
        {"assignee": {"userType": "CONDUCTOR_GROUP", "user": "g"}},
    ],
)
def test_a_human_task_has_a_chain_however_it_is_written(definition: Json) -> None:
    node = compiled(human(definition=definition)).nodes["approve"]

    assert isinstance(node, UserTaskNode)
    assert (node.name, node.rule) == ("approval", "approval")
    assert node.template is not None
    assert node.template.members == {
        "__humanTaskDefinition": Value(
            value={"assignments": [{"assignee": {"userType": "CONDUCTOR_GROUP", "user": "g"}}]}
        ),
        "_createdBy": Reference(path=("workflow", "createdBy")),
    }
    person: Any = {
        "id": Value(value="g"),
        "group": Value(value=True),
        "external": Value(value=False),
    }
    assignment: Any = {"assignee": Object(members=person), "minutes": Value(value=None)}
    assert node.policy == Object(
        members={
            "assignments": Items(items=(Object(members=assignment),)),
            "exhaustion": Value(value="LEAVE_OPEN"),
            "auto_claim": Value(value=False),
            "triggers": Items(items=()),
        }
    )


@pytest.mark.parametrize("name", ["humanTaskDefinition", "nothing"])
def test_a_human_task_may_say_it_in_another_word_or_not_at_all(name: str) -> None:
    task = human(x=1)
    task["inputParameters"][name] = {"displayName": "Please look"}
    node = compiled(task).nodes["approve"]

    assert isinstance(node, UserTaskNode)
    assert node.template is not None
    shown: Any = node.template.members["__humanTaskDefinition"]
    if name == "humanTaskDefinition":
        assert node.name == "Please look"
        assert shown == Value(value={"displayName": "Please look", "assignments": []})
        assert name not in node.template.members
    else:
        assert node.name == "approval"
        assert shown == Value(value={"assignments": []})


def test_a_human_policy_may_hold_references_and_triggers() -> None:
    definition = {
        "displayName": "for ${workflow.input.who}",
        "assignmentCompletionStrategy": "TERMINATE",
        "autoClaim": True,
        "assignments": [
            {
                "assignee": {"userType": "EXTERNAL_USER", "user": "${workflow.input.who}"},
                "slaMinutes": "5",
            }
        ],
        "taskTriggers": [
            {
                "triggerType": "IN_PROGRESS",
                "startWorkflowRequest": {
                    "name": "notify",
                    "version": 2,
                    "input": {"id": "${workflow.workflowId}"},
                    "correlationId": "${workflow.correlationId}",
                },
            },
            {"triggerType": "COMPLETED", "startWorkflowRequest": {"name": "done"}},
        ],
    }
    node: Any = compiled(human(definition=definition)).nodes["approve"]
    policy = node.policy.members

    assert node.name == "approval"
    assert policy["exhaustion"] == Value(value="TERMINATE")
    assert policy["auto_claim"] == Value(value=True)
    [assignment] = policy["assignments"].items
    assert assignment.members["minutes"] == Value(value=5)
    who = assignment.members["assignee"].members
    assert who["id"] == Reference(path=("workflow", "input", "who"))
    assert (who["group"].value, who["external"].value) == (False, True)
    first, second = (each.members for each in policy["triggers"].items)
    assert first["on"] == Value(value="CLAIMED")
    assert (first["process_id"], first["version"]) == (Value(value="notify"), Value(value=2))
    assert first["variables"].members["id"] == Reference(path=("workflow", "workflowId"))
    assert first["business_id"] == Reference(path=("workflow", "correlationId"))
    assert (second["on"].value, second["version"].value) == ("COMPLETED", -1)


@pytest.mark.parametrize(
    ("definition", "part"),
    [
        ("${workflow.input.all}", "__humanTaskDefinition must be an object"),
        ({"assignments": "${workflow.input.x}"}, "assignments must be a list"),
        ({"assignments": [{}]}, "assignments[0].assignee of task approval must be an object"),
        (
            {"assignee": {"userType": "ROBOT", "user": "r"}},
            "assignments[0].assignee.userType of task approval must be one of CONDUCTOR_USER",
        ),
        (
            {"assignee": {"userType": "EXTERNAL_USER"}},
            "assignments[0].assignee.user of task approval must be a text",
        ),
        (
            {
                "assignments": [
                    {
                        "assignee": {"userType": "EXTERNAL_USER", "user": "u"},
                        "slaMinutes": "soon",
                    }
                ]
            },
            "assignments[0].slaMinutes of task approval must be a whole number",
        ),
        ({"assignmentCompletionStrategy": "MAYBE"}, "assignmentCompletionStrategy of task"),
        ({"autoClaim": "yes"}, "autoClaim of task approval must be true or false"),
        ({"taskTriggers": {}}, "taskTriggers of task approval must be a list"),
        (
            {"taskTriggers": [{"triggerType": "DELETED", "startWorkflowRequest": {"name": "x"}}]},
            "taskTriggers[0].triggerType of task approval must be one of",
        ),
        (
            {
                "taskTriggers": [
                    {
                        "triggerType": "PENDING",
                        "startWorkflowRequest": {"name": "x", "taskToDomain": {"a": "b"}},
                    }
                ]
            },
            "taskTriggers[0].startWorkflowRequest.taskToDomain of task approval is not supported",
        ),
    ],
)
def test_a_human_definition_that_makes_no_sense_is_refused(definition: Any, part: str) -> None:
    assert any(each.startswith(part) for each in refused(human(definition=definition)))


@pytest.mark.parametrize(
    "kind",
    ["DECISION", "FORK_JOIN", "JOIN", "SUB_WORKFLOW", "HTTP", "INLINE", "WAIT", "DO_WHILE", "mine"],
)
def test_other_types_of_task_are_refused_by_name(kind: str) -> None:
    [offence] = refused({"name": "n", "taskReferenceName": "odd", "type": kind})
    assert offence.startswith(f"task odd: the task type {kind} is not supported")


@pytest.mark.parametrize(
    "option",
    [
        {"optional": True},
        {"asyncComplete": True},
        {"startDelay": 5},
        {"rateLimited": True},
        {"joinOn": ["a"]},
        {"loopCondition": "true"},
        {"subWorkflowParam": {"name": "x"}},
        {"cacheConfig": {"key": "k"}},
        {"onStateChange": {"onStart": []}},
        {"taskDefinition": {"name": "x"}},
    ],
)
def test_options_that_would_change_what_happens_are_refused(option: Json) -> None:
    [name] = option
    assert refused({**simple("a"), **option}) == [f"{name} of task a is not supported"]


@pytest.mark.parametrize(
    "option",
    [
        {"failureWorkflow": "other"},
        {"inputTemplate": {"a": 1}},
        {"workflowStatusListenerEnabled": True},
        {"rateLimitConfig": {"concurrentExecLimit": 1}},
        {"maskedFields": ["x"]},
    ],
)
def test_options_of_a_workflow_are_refused_too(option: Json) -> None:
    [name] = option
    [offence] = refused(simple("a"), **option)
    assert offence.startswith(f"{name} of ")
    assert offence.endswith("is not supported")


def test_what_has_no_effect_is_accepted() -> None:
    task = {**simple("a"), "optional": False, "startDelay": 0, "joinOn": [], "unheardOf": 1}
    task |= {"decisionCases": {}, "forkTasks": None, "description": "d"}
    compiled(
        task,
        ownerEmail="a@b",
        restartable=True,
        schemaVersion=2,
        inputTemplate={},
        failureWorkflow="",
        inputParameters=["x"],
        enforceSchema=True,
    )


def test_everything_that_is_wrong_is_told_at_once() -> None:
    twice = refused(simple("a"), simple("a"), {"name": "", "taskReferenceName": "b"}, version=1)
    assert twice == [
        "taskReferenceName: a should be unique across tasks for a given workflowDefinition: flow",
        "WorkflowTask name cannot be null or empty",
    ]
    assert refused() == ["WorkflowTask list cannot be empty"]
    assert len(refused({**simple("a"), "optional": True}, {**simple("b"), "sink": "x"})) == 2


@pytest.mark.parametrize("reference", ["workflow", "__end"])
def test_names_that_we_need_ourselves_are_reserved(reference: str) -> None:
    assert refused(simple(reference)) == [f"taskReferenceName: {reference} is reserved"]


def test_a_switch_must_be_one_that_we_can_evaluate() -> None:
    script = {**switch("s", {}, []), "evaluatorType": "javascript", "expression": "$.x"}
    assert refused(script) == [
        "evaluatorType javascript of task s is not supported; value-param is",
        "expression of task s must name one of its inputParameters",
    ]


def test_a_value_may_be_nested_only_so_deep_around_a_reference() -> None:
    value: Any = "${workflow.input}"
    for _ in range(40):
        value = [value]
    [offence] = refused(simple("a", v=value))
    assert offence.startswith("more than 30 levels")
