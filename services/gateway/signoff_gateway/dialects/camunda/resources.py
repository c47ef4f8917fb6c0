"""Turns the files of a deployment into resources, all of them or a refusal that says why not."""

from collections.abc import Sequence
from hashlib import sha256
from typing import cast

import orjson

from signoff_gateway.dialects.camunda.bpmn import ResourceRefused, compile_bpmn
from signoff_schemas.commands import Resource
from signoff_schemas.graph import ProcessGraph
from signoff_schemas.limits import ITEMS_MAX, NAME_MAX, TEXT_MAX

NAME_LENGTH_MAX = 255
_REJECTED = "Command 'CREATE' rejected with code 'INVALID_ARGUMENT': "
_BPMN_ENDINGS = (".bpmn", ".xml")
_FORM_ENDING = ".form"
_DECISION_ENDING = ".dmn"
_LISTS = ("candidate_groups", "candidate_users")


class Refused(ValueError):
    """A deployment is refused as a whole; ``message`` is the answer's detail."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{_REJECTED}{reason}")
        self.message = str(self)


class _FileRefused(ValueError):
    """One file is refused; the message says why."""


def resources_of(files: Sequence[tuple[str, bytes]]) -> tuple[Resource, ...]:
    """Compile the files of a deployment, pairs of name and bytes; a name's ending decides.

    ``.bpmn`` (and ``.xml``) files are compiled, ``.form`` files must be JSON with an ``id``,
    ``.dmn`` files are refused, all others are only kept. Work is proportional to their size.

    Raises:
        Refused: a file is not acceptable, or two have the same name, process id or form id.
    """
    if not files:
        raise Refused("Expected to deploy at least one resource, but none given")
    resources: list[Resource] = []
    problems: list[str] = []
    for name, data in files:
        try:
            resources.append(_resource(name, data))
        except ResourceRefused as error:
            problems.append(f"'{_shown(name)}': {error}")
        except _FileRefused as error:
            problems.append(str(error))
    problems += _duplicates(resources)
    if problems:
        listed = "\n".join(problems)
        raise Refused(
            "Expected to deploy new resources, but encountered the following errors:\n" + listed
        )
    return tuple(resources)


def _resource(name: str, data: bytes) -> Resource:
    shown = _shown(name)
    if not 0 < len(name) <= NAME_LENGTH_MAX or "\0" in name:
        raise _FileRefused(f"Expected the resource name '{shown}' to be valid, but it is not.")
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        raise _FileRefused(f"'{shown}': Expected a text in UTF-8, but it is none.") from error
    if "\0" in content:
        raise _FileRefused(f"'{shown}': Expected a text without NUL characters.")
    if name.endswith(_DECISION_ENDING):
        raise _FileRefused(f"'{shown}': Decisions are not supported: nothing could evaluate them.")
    processes = compile_bpmn(data, name) if name.endswith(_BPMN_ENDINGS) else ()
    for process in processes:
        _must_be_short(shown, process)
    return Resource(
        name=name,
        digest=sha256(data).hexdigest(),
        processes=processes,
        form_id=_form_id(name, data) if name.endswith(_FORM_ENDING) else "",
        content=content,
    )


def _must_be_short(file: str, process: ProcessGraph) -> None:
    """Texts of a process have limits, as those of requests; lists of candidates are one text."""
    left: list[tuple[str, object, int]] = [(process.process_id, process.model_dump(), TEXT_MAX)]
    while left:
        path, value, longest = left.pop()
        if isinstance(value, dict):
            for name, inner in cast("dict[str, object]", value).items():
                limit = ITEMS_MAX * NAME_MAX if name in _LISTS else TEXT_MAX
                left.append((f"{path}.{name}", inner, limit))
        elif isinstance(value, list | tuple):
            left += [(path, inner, TEXT_MAX) for inner in cast("Sequence[object]", value)]
        elif isinstance(value, str) and len(value) > longest:
            raise _FileRefused(f"'{file}': '{path}' exceeds the limit of {longest} characters.")


def _form_id(name: str, data: bytes) -> str:
    try:
        form: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _FileRefused(f"Failed to parse form JSON. '{name}': {error}") from error
    if not isinstance(form, dict):
        raise _FileRefused(f"Failed to parse form JSON. '{name}': it is no object")
    form_id = cast("dict[str, object]", form).get("id")
    if not isinstance(form_id, str):
        raise _FileRefused("Expected the form id to be present, but none given")
    if not form_id.strip():
        raise _FileRefused("Expected the form id to be filled, but it is blank")
    if len(form_id) > NAME_MAX:
        raise _FileRefused(f"'{name}': The form id exceeds the limit of {NAME_MAX} characters.")
    return form_id


def _duplicates(resources: Sequence[Resource]) -> list[str]:
    problems: list[str] = []
    names: set[str] = set()
    processes: dict[str, str] = {}
    forms: dict[str, str] = {}
    for resource in resources:
        if resource.name in names:
            problems.append(f"Duplicated resource name '{resource.name}'")
        names.add(resource.name)
        for graph in resource.processes:
            first = processes.setdefault(graph.process_id, resource.name)
            if first != resource.name:
                problems.append(
                    f"Duplicated process id in resources '{first}' and '{resource.name}'"
                )
        first = forms.setdefault(resource.form_id, resource.name)
        if resource.form_id and first != resource.name:
            problems.append(
                "Expected the form ids to be unique within a deployment but found a duplicated "
                f"id '{resource.form_id}' in the resources '{first}' and '{resource.name}'."
            )
    return problems


def _shown(name: str) -> str:
    return name[:NAME_LENGTH_MAX]
