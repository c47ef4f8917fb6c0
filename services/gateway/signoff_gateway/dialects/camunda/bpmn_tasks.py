"""Compiles user tasks and service tasks: their extension elements and what is in them."""

from collections.abc import Iterator

from signoff_gateway.dialects.camunda import bpmn_literals as literals
from signoff_gateway.dialects.camunda.bpmn_parts import Part, Parts
from signoff_gateway.dialects.camunda.bpmn_problems import Problems
from signoff_gateway.dialects.camunda.bpmn_xml import Element
from signoff_schemas.expressions import is_expression
from signoff_schemas.graph import JobNode, Mapping, UserTaskNode
from signoff_schemas.values import Listener, ListenerEvent

RESERVED_HEADERS = "io.camunda.zeebe:"

_COMMON = frozenset({"ioMapping", "properties", "taskHeaders"})
_USER_TASK = _COMMON | {
    "assignmentDefinition",
    "formDefinition",
    "priorityDefinition",
    "taskListeners",
    "taskSchedule",
    "userTask",
}
_SERVICE_TASK = _COMMON | {"taskDefinition"}
# Beside its own names, the dialect goes on reading those that it began with.
_EVENTS = {event.value: event for event in ListenerEvent} | {
    "create": ListenerEvent.CREATING,
    "assignment": ListenerEvent.ASSIGNING,
    "update": ListenerEvent.UPDATING,
    "complete": ListenerEvent.COMPLETING,
    "cancel": ListenerEvent.CANCELING,
}
_BINDINGS = ("deployment", "latest", "versionTag")


def user_task(element: Element, following: str, problems: Problems) -> UserTaskNode:
    """Compile a user task."""
    parts = Parts(element, _USER_TASK, problems)
    if not parts.has("userTask"):
        problems.add(element.id, "Must have a 'zeebe:userTask' extension element")
    assignment = parts.one("assignmentDefinition")
    schedule = parts.one("taskSchedule")
    form_id, form_external = _form(parts)
    inputs, outputs = _mappings(parts)
    return UserTaskNode(
        id=element.id,
        next=following,
        name=element.get("name"),
        assignee=assignment.text("assignee"),
        candidate_users=assignment.text("candidateUsers", literals.not_a_list),
        candidate_groups=assignment.text("candidateGroups", literals.not_a_list),
        due_date=schedule.text("dueDate", literals.not_a_date_time),
        follow_up_date=schedule.text("followUpDate", literals.not_a_date_time),
        priority=parts.one("priorityDefinition").text("priority", literals.not_a_priority),
        headers=_headers(parts),
        listeners=tuple(_listeners(parts)),
        form_id=form_id,
        form_external=form_external,
        inputs=inputs,
        outputs=outputs,
    )


def service_task(element: Element, following: str, problems: Problems) -> JobNode:
    """Compile a service task."""
    parts = Parts(element, _SERVICE_TASK, problems)
    definition = parts.one("taskDefinition")
    if not parts.has("taskDefinition"):
        problems.add(element.id, "Must have exactly one 'zeebe:taskDefinition' extension element")
    elif not definition.get("type"):
        definition.refuse("Attribute 'type' must be present and not empty")
    inputs, outputs = _mappings(parts)
    return JobNode(
        id=element.id,
        next=following,
        name=element.get("name"),
        job_type=definition.text("type"),
        retries=definition.text("retries", literals.not_a_number) or "3",
        headers=_headers(parts),
        inputs=inputs,
        outputs=outputs,
    )


def _form(parts: Parts) -> tuple[str, str]:
    if not parts.has("formDefinition"):
        return "", ""
    part = parts.one("formDefinition")
    form_id, external = part.text("formId"), part.text("externalReference")
    if bool(form_id.strip()) == bool(external.strip()):
        part.refuse(
            "Exactly one of the attributes 'formId, externalReference' must be present and "
            "not blank for native user tasks"
        )
    binding = part.get("bindingType") or "latest"
    if binding not in _BINDINGS:
        part.refuse(f"Attribute 'bindingType' must be one of: {', '.join(_BINDINGS)}")
    elif binding != "latest" and form_id:
        part.refuse(f"The binding type '{binding}' is currently not supported, only 'latest'")
    return form_id, external


def _headers(parts: Parts) -> dict[str, str]:
    headers: dict[str, str] = {}
    part = parts.one("taskHeaders")
    for header in part.each("header"):
        key, value = header.get("key"), header.get("value")
        if key.startswith(RESERVED_HEADERS):
            part.refuse(
                f"Attribute 'key' contains '{key}', but header keys starting with "
                f"'{RESERVED_HEADERS}' are reserved for internal use."
            )
        if key and value:  # the dialect drops headers that lack one of them
            headers[key] = value
    return headers


def _listeners(parts: Parts) -> Iterator[Listener]:
    for part in parts.one("taskListeners").each("taskListener"):
        name, job_type = part.get("eventType"), part.text("type")
        event = _EVENTS.get(name)
        if not name:
            part.refuse("Attribute 'eventType' must be present and not empty")
        elif event is None:
            known = ", ".join(sorted(ListenerEvent))
            part.refuse(f"Attribute 'eventType' must be one of: {known}, but was '{name}'")
        if not job_type:
            part.refuse("Attribute 'type' must be present and not empty")
        retries = part.text("retries", literals.not_a_number) or "3"
        if event is not None:
            yield Listener(event, job_type, retries)


def _mappings(parts: Parts) -> tuple[tuple[Mapping, ...], tuple[Mapping, ...]]:
    part = parts.one("ioMapping")
    inputs = tuple(_mapping(each) for each in part.each("input"))
    outputs = tuple(_mapping(each) for each in part.each("output"))
    for each, mapping in zip(part.each("output"), outputs, strict=True):
        if not mapping.source:
            each.refuse("Expected expression but not found.")
        elif not is_expression(mapping.source):
            each.refuse(
                f"Expected expression but found static value '{mapping.source}'. "
                f"An expression must start with '=' (e.g. '={mapping.source}')."
            )
    return inputs, outputs


def _mapping(part: Part) -> Mapping:
    target = part.get("target")
    reason = literals.not_a_path(target)
    if reason:
        part.refuse(reason)
    return Mapping(source=part.text("source"), target=target)
