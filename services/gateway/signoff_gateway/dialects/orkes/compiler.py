"""Compiles workflow definitions into process graphs, or says all that cannot be compiled."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from signoff_gateway.dialects.orkes.definitions import Json, WorkflowDef, WorkflowTask
from signoff_gateway.dialects.orkes.human_definitions import (
    CREATED_BY,
    DEFINITION,
    read_definition,
    take_definition,
)
from signoff_gateway.dialects.orkes.offences import DefinitionRefused, Offences
from signoff_gateway.dialects.orkes.references import FRAME, WORKFLOW, Compiler, Place
from signoff_gateway.dialects.orkes.unsupported import unsupported
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
from signoff_schemas.limits import INT32_MAX, MILLISECONDS_MAX
from signoff_schemas.templates import Object, Reference, Value
from signoff_schemas.work import Ending

TASKS_MAX: Final = 990
"""With those of our own, no graph has more than 1,000 nodes."""
NAME_MAX: Final = 255
SECONDS_MAX: Final = MILLISECONDS_MAX // 1000
RESERVED: Final = "__"
"""How the ids of nodes begin that no task of the definition stands behind."""

_START: Final = f"{RESERVED}start"
_END: Final = f"{RESERVED}end"
_VARIABLES: Final = f"{RESERVED}variables"
_SCHEMA_VERSION: Final = 2
_VALUE_PARAM: Final = "value-param"
_SIMPLE: Final = "SIMPLE"
_SWITCH: Final = "SWITCH"
_ENDINGS: Final = (Ending.COMPLETED.value, Ending.FAILED.value, Ending.TERMINATED.value)
_WORKERS: Final = frozenset(("SIMPLE", "HUMAN"))
"""Tasks that somebody else does, and that can go wrong."""


def compile_definition(definition: WorkflowDef) -> ProcessGraph:
    """The graph of a definition. Work is proportional to its size.

    Raises: DefinitionRefused, with everything that is wrong.
    """
    return _Compilation(definition).graph()


class _Compilation:
    def __init__(self, definition: WorkflowDef) -> None:
        self._definition = definition
        self._offences = Offences()
        self._nodes: dict[str, Node] = {}
        tasks = list(_all_tasks(definition.tasks or ()))
        self._tasks = tasks
        references = {each.task_reference_name for each in tasks if each.task_reference_name}
        choices = {
            each.task_reference_name or "": each.expression or ""
            for each in tasks
            if each.type == _SWITCH
        }
        self._values = Compiler(references, choices, self._offences)
        self._makers: Mapping[str, Callable[[WorkflowTask, str, str], Node]] = {
            "HUMAN": self._human,
            "SIMPLE": self._simple,
            "SET_VARIABLE": self._set_variables,
            _SWITCH: self._switch,
            "TERMINATE": self._terminate,
        }

    def graph(self) -> ProcessGraph:
        definition, offences = self._definition, self._offences
        self._check_definition()
        self._check_references()
        if offences.found:
            # The nodes would be built on names that are not there.
            raise DefinitionRefused(offences.found)
        entry = self._sequence(definition.tasks or (), _END, "tasks")
        if definition.variables:
            self._nodes[_VARIABLES] = _initial(definition.variables, entry)
            entry = _VARIABLES
        self._nodes[_START] = StartNode(id=_START, next=entry)
        self._nodes[_END] = EndNode(id=_END)
        name = definition.name or ""
        output = definition.output_parameters
        graph = ProcessGraph(
            process_id=name,
            name=name,
            version=definition.version,
            start=_START,
            nodes=self._nodes,
            frame=FRAME,
            output=self._members(output, "outputParameters", name) if output else None,
            timeout_seconds=definition.timeout_seconds or 0,
            alert_only=definition.timeout_policy == "ALERT_ONLY",
        )
        if offences.found:
            raise DefinitionRefused(offences.found)
        return graph

    def _check_definition(self) -> None:
        definition, offences = self._definition, self._offences
        if offence := name_offence(definition.name):
            offences.add("name", f"WorkflowDef name {offence}", definition.name)
        if not definition.tasks:
            offences.add("tasks", "WorkflowTask list cannot be empty")
        if len(self._tasks) > TASKS_MAX:
            offences.add("tasks", f"more than {TASKS_MAX} tasks")
        if definition.schema_version not in (None, _SCHEMA_VERSION):
            offences.add("schemaVersion", "schemaVersion must be 2", definition.schema_version)
        if not 0 <= (definition.timeout_seconds or 0) <= SECONDS_MAX:
            offences.add("timeoutSeconds", "timeoutSeconds is out of range")
        for option in unsupported(definition):
            offences.add(option, f"{option} of workflow {definition.name} is not supported")
        if (definition.rate_limit_config or {}).get("concurrentExecLimit"):
            offences.add("rateLimitConfig", "rateLimitConfig of a workflow is not supported")

    def _check_references(self) -> None:
        seen: set[str] = set()
        for task in self._tasks:
            reference, path = task.task_reference_name, f"tasks[{task.task_reference_name}]"
            if offence := name_offence(reference):
                self._offences.add("tasks", f"WorkflowTask taskReferenceName {offence}", reference)
                continue
            assert reference is not None
            if reference == WORKFLOW or reference.startswith(RESERVED):
                self._offences.add(path, f"taskReferenceName: {reference} is reserved", reference)
            if reference in seen:
                self._offences.add(
                    path,
                    f"taskReferenceName: {reference} should be unique across tasks for a given "
                    f"workflowDefinition: {self._definition.name}",
                    reference,
                )
            seen.add(reference)
            if offence := name_offence(task.name):
                self._offences.add(path, f"WorkflowTask name {offence}", task.name)

    # -- tasks -------------------------------------------------------------------------------

    def _sequence(self, tasks: Sequence[WorkflowTask], after: str, path: str) -> str:
        """Make the nodes of tasks one after another; the id of the first, or ``after``."""
        following = after
        for index in range(len(tasks) - 1, -1, -1):
            task = tasks[index]
            reference = task.task_reference_name or ""
            self._nodes[reference] = self._node(task, following, f"{path}[{index}]")
            following = reference
        return following

    def _node(self, task: WorkflowTask, following: str, path: str) -> Node:
        kind = task.type or _SIMPLE
        self._check_options(task, kind, path)
        maker = self._makers.get(kind)
        if maker is None:
            self._offences.add(
                f"{path}.type",
                f"task {task.task_reference_name}: the task type {kind} is not supported; "
                f"{', '.join(self._makers)} are",
                kind,
            )
            return EndNode(id=task.task_reference_name or "")
        return maker(task, following, path)

    def _check_options(self, task: WorkflowTask, kind: str, path: str) -> None:
        options = list(unsupported(task))
        if kind in _WORKERS and task.optional:
            options.append("optional")
        if kind != _SIMPLE and task.retry_count:
            options.append("retryCount")
        for option in options:
            self._offences.add(
                f"{path}.{option}",
                f"{option} of task {task.task_reference_name} is not supported",
            )

    def _human(self, task: WorkflowTask, following: str, path: str) -> Node:
        inputs = dict(task.input_parameters or {})
        place = Place(f"{path}.inputParameters.{DEFINITION}", task.name or "", DEFINITION)
        definition = read_definition(take_definition(inputs), self._values, place)
        template = self._inputs(inputs, task, path)
        template.members[DEFINITION] = self._values.value(definition.raw, place)
        template.members[CREATED_BY] = Reference(path=(FRAME.name, FRAME.started_by))
        return UserTaskNode(
            id=task.task_reference_name or "",
            next=following,
            name=definition.display_name or task.name or "",
            template=template,
            title=definition.title,
            policy=definition.policy,
            rule=task.name or "",
        )

    def _simple(self, task: WorkflowTask, following: str, path: str) -> Node:
        retries = task.retry_count
        if retries is not None and not 0 <= retries <= INT32_MAX:
            self._offences.add(f"{path}.retryCount", "retryCount is out of range", retries)
        name = task.name or ""
        return JobNode(
            id=task.task_reference_name or "",
            next=following,
            name=name,
            job_type=name,
            retries="" if retries is None else str(retries),
            template=self._inputs(task.input_parameters, task, path),
            rule=name,
        )

    def _set_variables(self, task: WorkflowTask, following: str, path: str) -> Node:
        return SetVariablesNode(
            id=task.task_reference_name or "",
            next=following,
            template=self._inputs(task.input_parameters, task, path),
        )

    def _switch(self, task: WorkflowTask, following: str, path: str) -> Node:
        reference = task.task_reference_name or ""
        if task.evaluator_type != _VALUE_PARAM:
            self._offences.add(
                f"{path}.evaluatorType",
                f"evaluatorType {task.evaluator_type} of task {reference} is not supported; "
                f"{_VALUE_PARAM} is",
                task.evaluator_type,
            )
        inputs = self._inputs(task.input_parameters, task, path).members
        on = inputs.get(task.expression or "")
        if on is None:
            self._offences.add(
                f"{path}.expression",
                f"expression of task {reference} must name one of its inputParameters",
                task.expression,
            )
        return ChoiceNode(
            id=reference,
            on=on or Value(value=None),
            cases={
                case: self._sequence(tasks, following, f"{path}.decisionCases.{case}")
                for case, tasks in (task.decision_cases or {}).items()
            },
            otherwise=self._sequence(task.default_case or (), following, f"{path}.defaultCase"),
        )

    def _terminate(self, task: WorkflowTask, _: str, path: str) -> Node:
        members = self._inputs(task.input_parameters, task, path).members
        ending = members.get("terminationStatus", Value(value=None))
        if isinstance(ending, Value) and ending.value not in _ENDINGS:
            self._offences.add(
                f"{path}.inputParameters.terminationStatus",
                "terminate task must have terminationStatus parameter and must be set to "
                f"{' or '.join(_ENDINGS)}, taskName: {task.task_reference_name}",
                ending.value,
            )
        return TerminateNode(
            id=task.task_reference_name or "",
            ending=ending,
            reason=members.get("terminationReason"),
            output=members.get("workflowOutput", Object(members={})),
        )

    def _inputs(self, inputs: Json | None, task: WorkflowTask, path: str) -> Object:
        return self._members(inputs or {}, f"{path}.inputParameters", task.name or "")

    def _members(self, values: Json, path: str, task: str) -> Object:
        members = {
            name: self._values.value(value, Place(f"{path}.{name}", task, name))
            for name, value in values.items()
        }
        return Object(members=members)


def name_offence(name: str | None) -> str:
    """What is wrong with a name; empty if nothing is."""
    if not name or not name.strip():
        return "cannot be null or empty"
    if len(name) > NAME_MAX:
        return f"cannot be longer than {NAME_MAX} characters"
    return "" if name.isprintable() else "cannot have unprintable characters"


def _initial(variables: Json, entry: str) -> Node:
    members = {name: Value(value=value) for name, value in variables.items()}
    return SetVariablesNode(id=_VARIABLES, next=entry, template=Object(members=dict(members)))


def _all_tasks(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowTask]:
    waiting = deque(tasks)
    while waiting:
        task = waiting.popleft()
        yield task
        for branch in (*(task.decision_cases or {}).values(), task.default_case or ()):
            waiting += branch
