"""Compiles BPMN, as the dialect's modeler writes it, into process graphs.

Understood are processes that are one sequence: a none start event, user tasks and service tasks,
an end event. Whatever else has a meaning when a process runs is refused by element and reason;
what is only drawn (diagrams, lanes, annotations, data objects) is passed over.
"""

import re
from collections.abc import Iterable

from signoff_gateway.dialects.camunda.bpmn_problems import Problems, ResourceRefused
from signoff_gateway.dialects.camunda.bpmn_tasks import service_task, user_task
from signoff_gateway.dialects.camunda.bpmn_xml import (
    BPMN,
    ZEEBE,
    Element,
    XmlRefused,
    read_xml,
)
from signoff_schemas.graph import EndNode, Node, ProcessGraph, StartNode

__all__ = ["ResourceRefused", "compile_bpmn"]

ID_LENGTH_MAX = 255
_ID = re.compile(r"[^\W\d][\w.-]*")
_DRAWN = frozenset(
    {
        "association",
        "category",
        "dataInputAssociation",
        "dataObject",
        "dataObjectReference",
        "dataOutputAssociation",
        "dataStoreReference",
        "documentation",
        "extensionElements",
        "group",
        "incoming",
        "laneSet",
        "outgoing",
        "property",
        "textAnnotation",
    }
)
_NODES = frozenset({"startEvent", "userTask", "serviceTask", "endEvent"})
_EXTENSIONS_IGNORED = frozenset({"properties", "userTaskForm", "versionTag"})


def compile_bpmn(data: bytes, resource_name: str) -> tuple[ProcessGraph, ...]:
    """Compile the executable processes of a BPMN file.

    Raises:
        ResourceRefused: it is no such file, or asks for what we do not do; all problems at once.
    """
    try:
        root = read_xml(data)
    except XmlRefused as error:
        raise ResourceRefused([("", str(error))]) from error
    if (root.namespace, root.name) != (BPMN, "definitions"):
        reason = f"'{resource_name}' is no BPMN 2.0 document: it begins with '{root.name}'."
        raise ResourceRefused([("", reason)])
    problems = Problems()
    _check_ids(root, problems)
    processes = root.of(BPMN, "process")
    executable = [each for each in processes if each.get("isExecutable") in {"true", "1"}]
    if not executable:
        problems.add("definitions", "Must contain at least one executable process")
    problems.refuse()
    graphs = [_process(element, problems) for element in executable]
    problems.refuse()
    return tuple(graph for graph in graphs if graph is not None)


def _check_ids(root: Element, problems: Problems) -> None:
    seen: set[str] = set()
    for process in root.of(BPMN, "process"):
        _check_id(process, f"definitions > {process.name}", seen, problems)
        for element in process.of(BPMN):
            if element.name not in _DRAWN:
                path = element.id or f"{process.id} > {element.name}"
                _check_id(element, path, seen, problems)


def _check_id(element: Element, path: str, seen: set[str], problems: Problems) -> None:
    identifier = element.id
    if not identifier:
        problems.add(path, "Element id must be present and not empty.")
    elif len(identifier) > ID_LENGTH_MAX or not _ID.fullmatch(identifier):
        shown = identifier[:ID_LENGTH_MAX]
        problems.add(shown, f"Element id '{shown}' is not valid.")
    elif identifier in seen:
        problems.add(identifier, f"There are multiple occurrences of ID value '{identifier}'.")
    seen.add(identifier)


def _process(process: Element, problems: Problems) -> ProcessGraph | None:
    before = len(problems.found)
    _check_extensions(process, problems)
    elements = {each.id: each for each in process.of(BPMN) if each.name in _NODES}
    for element in process.of(BPMN):
        if element.name not in _DRAWN | _NODES | {"sequenceFlow"}:
            problems.add(element.id, _unsupported(element))
    starts = [each for each in elements.values() if each.name == "startEvent"]
    if not starts:
        problems.add(process.id, "Must have at least one start event")
    elif len(starts) > 1:
        problems.add(process.id, "Multiple none start events are not allowed")
    following = _following(process, elements, problems)
    nodes = [_node(each, following.get(each.id, ""), problems) for each in elements.values()]
    # Where something is missing or not understood, what cannot be reached says nothing new.
    if len(problems.found) == before:
        _check_sequence(starts[0].id, elements, following, problems)
    if len(problems.found) > before:
        return None
    return ProcessGraph(
        process_id=process.id,
        name=process.get("name"),
        start=starts[0].id,
        nodes={node.id: node for node in nodes},
    )


def _following(
    process: Element, elements: dict[str, Element], problems: Problems
) -> dict[str, str]:
    """Give the element that follows each, and check that there is exactly one."""
    targets: dict[str, list[str]] = {identifier: [] for identifier in elements}
    known = {each.id for each in process.of(BPMN) if each.name not in _DRAWN | {"sequenceFlow"}}
    for flow in process.of(BPMN, "sequenceFlow"):
        source, target = flow.get("sourceRef"), flow.get("targetRef")
        for end in (source, target):
            if end not in known:
                problems.add(flow.id, f"There is no element with id '{end}'.")
        if any(flow.of(BPMN, "conditionExpression")):
            problems.add(flow.id, "Conditions on sequence flows are currently not supported")
        targets.get(source, []).append(target)
    for identifier, element in elements.items():
        count = len(targets[identifier])
        if element.name == "endEvent" and count:
            problems.add(identifier, "End events must not have outgoing sequence flows")
        elif element.name != "endEvent" and count != 1:
            problems.add(
                identifier, f"Must have exactly one outgoing sequence flow, but has {count}"
            )
    return {identifier: found[0] for identifier, found in targets.items() if found}


def _check_sequence(
    start: str, elements: dict[str, Element], following: dict[str, str], problems: Problems
) -> None:
    reached = {start}
    here = start
    while here in following:
        here = following[here]
        if here in reached:
            problems.add(here, "Loops are currently not supported")
            return
        reached.add(here)
    for identifier in elements:
        if identifier not in reached:
            problems.add(identifier, "Must be reachable from the start event")


def _node(element: Element, following: str, problems: Problems) -> Node:
    _check_children(element, problems)
    match element.name:
        case "userTask":
            return user_task(element, following, problems)
        case "serviceTask":
            return service_task(element, following, problems)
        case "startEvent":
            _check_extensions(element, problems)
            return StartNode(id=element.id, next=following)
        case _:
            _check_extensions(element, problems)
            return EndNode(id=element.id)


def _check_children(element: Element, problems: Problems) -> None:
    """Refuse what a node may hold beside what is drawn: event definitions, loops."""
    for child in element.of(BPMN):
        if child.name.endswith("EventDefinition"):
            kind = "start" if element.name == "startEvent" else "end"
            what = _capitalised(child.name)
            problems.add(element.id, f"Must be a none {kind} event, but has a '{what}'")
        elif child.name not in _DRAWN:
            problems.add(element.id, _unsupported(child))
    if element.get("isForCompensation") == "true":
        problems.add(element.id, "Compensation is currently not supported")


def _check_extensions(element: Element, problems: Problems) -> None:
    """Refuse all extension elements of a process or event that have a meaning."""
    for extensions in element.of(BPMN, "extensionElements"):
        for extension in extensions.of(ZEEBE):
            if extension.name not in _EXTENSIONS_IGNORED:
                path = f"{element.id} > extensionElements > {extension.name}"
                problems.add(path, f"'zeebe:{extension.name}' is currently not supported here")


def _unsupported(element: Element) -> str:
    supported = _listed(_capitalised(name) for name in sorted(_NODES))
    return (
        f"Elements of type '{_capitalised(element.name)}' are currently not supported. "
        f"Supported are {supported}, in one sequence."
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
