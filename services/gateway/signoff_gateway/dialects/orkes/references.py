"""References in values, ``${…}``: parsed and turned into the engine's templates."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, cast

from signoff_gateway.dialects.orkes.offences import Offences
from signoff_schemas.frozen import frozen
from signoff_schemas.templates import Frame, Items, Object, Reference, Template, Text, Value

WORKFLOW: Final = "workflow"
FRAME: Final = Frame(
    name=WORKFLOW,
    key="workflowId",
    process_id="workflowType",
    version="version",
    business_id="correlationId",
    started_by="createdBy",
)
DEPTH_MAX: Final = 30
"""Levels of a value that holds references: each takes several levels of the compiled form."""
PATH_MAX: Final = 50

_FACTS: Final = frozenset(
    (FRAME.key, FRAME.process_id, FRAME.version, FRAME.business_id, FRAME.started_by)
)
_TREES: Final = frozenset(("input", "variables"))
_SIDES: Final = frozenset(("input", "output"))
_REFERENCE: Final = re.compile(r"\$?\$\{([^{}]*)\}")
_STEP: Final = re.compile(r"""\.?([^.\[\]'"]+)|\[(\d{1,9})\]|\[(?:'([^']*)'|"([^"]*)")\]""")
_BEYOND: Final = re.compile(r"\.\.|\*|\?|\(|@")


@frozen
class Place:
    """Where a value stands: for the texts of refusals."""

    path: str
    task: str
    """Name of the task, or of the workflow."""
    parameter: str


@frozen
class Compiler:
    """Turns values of one definition into templates.

    Args:
        references: Reference names of all its tasks.
        choices: Reference name of each task that chooses, and the parameter by which it does.
        offences: Takes what is wrong.
    """

    references: Collection[str]
    choices: Mapping[str, str]
    offences: Offences

    def value(self, value: object, place: Place, depth: int = DEPTH_MAX) -> Template:
        """Any value. What holds no reference becomes one literal, however large."""
        if not _has_reference(value):
            return Value(value=value)
        if depth == 0:
            self.offences.add(
                place.path, f"more than {DEPTH_MAX} levels around a reference", place.parameter
            )
            return Value(value=None)
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, Mapping):
            members = cast("Mapping[str, object]", value)
            inner = {name: self.value(each, place, depth - 1) for name, each in members.items()}
            return Object(members=inner)
        items = cast("Sequence[object]", value)
        return Items(items=tuple(self.value(each, place, depth - 1) for each in items))

    def _text(self, text: str, place: Place) -> Template:
        parts: list[Template] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            _add_literal(parts, text[end : match.start()])
            end = match.end()
            if match[0].startswith("$$"):
                # Twice the sign: meant literally.
                _add_literal(parts, match[0][1:])
            else:
                parts.append(self._reference(match[1], text, place))
        _add_literal(parts, text[end:])
        return parts[0] if len(parts) == 1 else Text(parts=tuple(parts))

    def _reference(self, inner: str, text: str, place: Place) -> Template:
        steps = _steps(inner)
        offence = (
            "" if steps else f"{_shown(inner)} is not supported: names, items and [numbers] are"
        )
        if steps:
            offence = self._offence(steps, inner, text, place)
        if offence:
            self.offences.add(place.path, offence, text)
            return Value(value=None)
        return Reference(path=self._known(steps))

    def _known(self, steps: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """The path under the names that the engine has for what a choice was given and gave."""
        parameter = self.choices.get(str(steps[0]))
        if parameter is None:
            return steps
        match steps[1:]:
            case ("input", name) if name == parameter:
                return (steps[0], "input", "on")
            case ("output", "selectedCase") | ("output", "evaluationResult", 0):
                return (steps[0], "output", "case")
            case _:
                return steps

    def _offence(self, steps: tuple[str | int, ...], inner: str, text: str, place: Place) -> str:
        first, second = steps[0], steps[1] if len(steps) > 1 else None
        if first == WORKFLOW:
            if second in _TREES or (second in _FACTS and len(steps) == 2):
                return ""
            return f"{_shown(inner)} is not supported: of a workflow there are {_KNOWN}"
        if first not in self.references:
            return (
                f"taskReferenceName: {first} for given task: {place.task} input value: "
                f"{place.parameter} of input parameter: {text} is not defined in workflow "
                "definition."
            )
        if second in _SIDES:
            return ""
        return f"{_shown(inner)} is not supported: of a task there are its input and output"


_KNOWN: Final = ", ".join(sorted(_TREES | _FACTS))


def _has_reference(value: object) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if _REFERENCE.search(each):
                return True
        elif isinstance(each, Mapping):
            waiting += cast("Mapping[str, object]", each).values()
        elif isinstance(each, list | tuple):
            waiting += cast("Sequence[object]", each)
    return False


def _steps(inner: str) -> tuple[str | int, ...]:
    """The path that a reference names; empty if it is none that we know."""
    steps: list[str | int] = []
    end = 0
    inner = inner.strip()
    if _BEYOND.search(inner):
        return ()
    while end < len(inner):
        match = _STEP.match(inner, end)
        # Only what follows a step begins with a dot or a bracket.
        if match is None or (end > 0) != (inner[end] in ".["):
            return ()
        name, number, single, double = match.groups()
        steps.append(int(number) if number else name or single or double or "")
        end = match.end()
    return tuple(steps) if len(steps) <= PATH_MAX else ()


def _add_literal(parts: list[Template], text: str) -> None:
    if text:
        parts.append(Value(value=text))


def _shown(inner: str) -> str:
    return f"the reference ${{{inner}}}"
