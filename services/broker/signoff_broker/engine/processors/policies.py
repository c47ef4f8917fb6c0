"""A policy as a node gives it: JSON made by templates, read strictly and held to limits."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final, TypeVar, cast

from signoff_broker.engine.processors.values import Failure
from signoff_schemas.graph import ProcessGraph, UserTaskNode
from signoff_schemas.limits import (
    MILLISECONDS_MAX,
    NAME_MAX,
    unstorable_text,
    unstorable_variables,
)
from signoff_schemas.principal import ANY
from signoff_schemas.templates import Items, Object, Template, Value
from signoff_schemas.values import IncidentType
from signoff_schemas.work import (
    Assignment,
    Exhaustion,
    Person,
    Policy,
    Trigger,
    TriggerEvent,
)

ASSIGNMENTS_MAX: Final = 100
TRIGGERS_MAX: Final = 100
MINUTES_MAX: Final = MILLISECONDS_MAX // 60_000

Json = dict[str, object]
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class _Misshapen(Exception):
    """What is wrong, in words."""


def policy_of(value: object) -> Policy | Failure:
    """The policy, or why the value is none.

    Form: ``{"assignments": [{"assignee": {"id", "group", "external"}, "minutes"}], "exhaustion",
    "auto_claim", "triggers": [{"on", "process_id", "version", "variables", "business_id"}]}``.
    What is absent or null has its default; an assignee must have an id.
    """
    try:
        given = _object("policy", value)
        return Policy(
            assignments=_each("assignments", given, _assignment, ASSIGNMENTS_MAX),
            exhaustion=_member(Exhaustion, given.get("exhaustion"), Exhaustion.LEAVE_OPEN),
            auto_claim=_flag("auto_claim", given),
            triggers=_each("triggers", given, _trigger, TRIGGERS_MAX),
        )
    except _Misshapen as error:
        return Failure(IncidentType.EXTRACT_VALUE_ERROR, f"Expected a policy, but {error}.")


def startable_by(policy: Template) -> Iterator[str]:
    """Names of the processes that triggers of a policy may start.

    ``ANY`` stands for a name that only the values of an instance will tell.
    """
    for trigger in _parts(_part(policy, "triggers")):
        match _part(trigger, "process_id"):
            case Value(value=str(name)):
                yield name
            case _:
                yield ANY


def may_start_others(graph: ProcessGraph) -> bool:
    """Whether any task of a process may have a trigger."""
    return any(
        isinstance(node, UserTaskNode)
        and node.policy is not None
        and any(True for _ in startable_by(node.policy))
        for node in graph.nodes.values()
    )


def unfit_assignments(assignments: tuple[Assignment, ...]) -> bool:
    """Whether a chain is too long, or names nobody, or somebody who cannot be stored."""
    return len(assignments) > ASSIGNMENTS_MAX or any(
        unfit_person(each.assignee) or not 0 <= (each.minutes or 0) <= MINUTES_MAX
        for each in assignments
    )


def unfit_person(person: Person) -> bool:
    """Whether the id is empty or cannot be stored."""
    return not person.id or unstorable_text(person.id, NAME_MAX) is not None


def _part(template: Template, name: str) -> Template:
    """What is known of a member before there are values: without any, it is the whole."""
    match template:
        case Object():
            return template.members.get(name, Value(value=None))
        case Value(value=dict()):
            return Value(value=cast("Json", template.value).get(name))
        case _:
            return template


def _parts(template: Template) -> Iterable[Template]:
    match template:
        case Items():
            return template.items
        case Value(value=list()):
            return [Value(value=each) for each in cast("list[object]", template.value)]
        case Value():
            return ()
        case _:
            return (template,)


def _assignment(value: object) -> Assignment:
    given = _object("an assignment", value)
    who = _object("assignee", given.get("assignee"))
    person = Person(_name("assignee", who.get("id")), _flag("group", who), _flag("external", who))
    assignment = Assignment(person, _minutes(given.get("minutes")))
    if unfit_assignments((assignment,)):
        raise _Misshapen("there is an assignee without id, or one that cannot be stored")
    return assignment


def _trigger(value: object) -> Trigger:
    given = _object("a trigger", value)
    name = _name("process_id", given.get("process_id"))
    version = given.get("version")
    if version is None:
        version = -1
    if type(version) is not int or not name:
        raise _Misshapen("there is a trigger without process_id, or whose version is no integer")
    variables = given.get("variables")
    variables = {} if variables is None else _object("variables", variables)
    if offence := unstorable_variables(variables):
        raise _Misshapen(f"there is {offence} in the variables of a trigger")
    on = _member(TriggerEvent, given.get("on"))
    return Trigger(on, name, version, variables, _name("business_id", given.get("business_id")))


def _minutes(value: object) -> int | None:
    """Whole minutes, also as digits, or with a zero fraction: templates may give these."""
    if value is None:
        return None
    is_digits = isinstance(value, str) and value.isdecimal() and len(value) < 10
    if is_digits or (isinstance(value, float) and value.is_integer()):
        value = int(cast("str | float", value))
    if type(value) is not int or not 0 <= value <= MINUTES_MAX:
        raise _Misshapen("there are minutes that are no whole number, or out of range")
    return value


def _name(what: str, value: object) -> str:
    """A short text; a number that a template gave is printed."""
    text = str(value) if type(value) is int else "" if value is None else value
    if not isinstance(text, str) or unstorable_text(text, NAME_MAX):
        raise _Misshapen(f"there is a value of {what} that is no text, or cannot be stored")
    return text


def _member(choices: type[E], value: object, default: E | None = None) -> E:
    try:
        return default if value is None and default is not None else choices(cast("str", value))
    except ValueError:
        raise _Misshapen(f"there is an unknown {choices.__name__}") from None


def _flag(name: str, given: Json) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise _Misshapen(f"there is a value of {name} that is neither true nor false")
    return bool(value)


def _each(name: str, given: Json, read: Callable[[object], T], maximum: int) -> tuple[T, ...]:
    values = given.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise _Misshapen(f"its {name} are no list")
    items = cast("list[object]", values)
    if len(items) > maximum:
        raise _Misshapen(f"it has more than {maximum} {name}")
    return tuple(map(read, items))


def _object(what: str, value: object) -> Json:
    if not isinstance(value, dict):
        raise _Misshapen(f"{what} is no object")
    return cast("Json", value)
