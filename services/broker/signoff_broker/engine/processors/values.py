"""Values of a node when the token arrives: what its texts and expressions come to."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from signoff_broker.engine.expressions import (
    ExpressionError,
    date_time_of,
    evaluate,
    filled_text_of,
    is_expression,
    number_of,
    text_of,
    texts_of,
)
from signoff_schemas import graph
from signoff_schemas.frozen import frozen
from signoff_schemas.graph import JobNode, UserTaskNode
from signoff_schemas.values import Attributes, FormReference, IncidentType, Listener

RETRIES_DEFAULT = 3
RETRIES_MAX = 2**31 - 1
PRIORITY_DEFAULT = 50
PRIORITY_MAX = 100


@frozen
class TaskValues:
    """What a user task starts with."""

    attributes: Attributes
    form: FormReference | None


@frozen
class Failure:
    """Why there are no values: what the incident will say."""

    error_type: IncidentType
    message: str


def task_values(
    node: UserTaskNode,
    variables: Mapping[str, object],
    form_key_of: Callable[[str], int | None],
) -> TaskValues | Failure:
    """Work out all values of a user task, or give the first failure.

    ``form_key_of`` gives the key of the latest form with an id.
    """
    try:
        assignee = text_of(node.assignee, variables)
        groups = texts_of(node.candidate_groups, variables)
        users = texts_of(node.candidate_users, variables)
        due_date = date_time_of(node.due_date, variables)
        follow_up_date = date_time_of(node.follow_up_date, variables)
        form = _form(node, variables, form_key_of)
        if isinstance(form, Failure):
            return form
        priority = _priority(node.priority, variables)
    except ExpressionError as error:
        return Failure(IncidentType.EXTRACT_VALUE_ERROR, str(error))
    attributes = Attributes(assignee, groups, users, due_date, follow_up_date, priority)
    return TaskValues(attributes, form)


def listener_values(
    listener: Listener, variables: Mapping[str, object]
) -> tuple[str, int] | Failure:
    """Work out a listener's job type and retries."""
    return _job(listener.job_type, listener.retries, variables)


def job_values(node: JobNode, variables: Mapping[str, object]) -> tuple[str, int] | Failure:
    """Work out a service task's job type and retries."""
    return _job(node.job_type, node.retries, variables)


def mappings(
    mappings: Sequence[graph.Mapping], variables: Mapping[str, object], *, merge: bool = False
) -> dict[str, object] | Failure:
    """Give the variables that mappings make; each mapping sees those before it.

    A dotted target makes an object, which several targets may share. Output mappings ``merge`` it
    into the object that the variable holds already; input mappings begin a new one.
    """
    made: dict[str, object] = {}
    seen = ChainMap(made, cast("dict[str, object]", variables))  # only its first map is written
    for mapping in mappings:
        try:
            value = _source(mapping.source, seen)
        except ExpressionError as error:
            return Failure(IncidentType.IO_MAPPING_ERROR, str(error))
        name, *path = mapping.target.split(".")
        held = seen if merge else made
        made[name] = _with(held.get(name), path, value)
    return made


def _form(
    node: UserTaskNode,
    variables: Mapping[str, object],
    form_key_of: Callable[[str], int | None],
) -> FormReference | Failure | None:
    external = text_of(node.form_external, variables)
    if external:
        return FormReference(external=external)
    form_id = text_of(node.form_id, variables)
    if not form_id:
        return None
    key = form_key_of(form_id)
    if key is None:
        return Failure(
            IncidentType.FORM_NOT_FOUND,
            f"Expected to find a form with id '{form_id}', but no form with this id is found, "
            "at least a form with this id should be available. "
            "To resolve the Incident please deploy a form with the same id",
        )
    return FormReference(id=form_id, key=key)


def _priority(text: str, variables: Mapping[str, object]) -> int:
    if not text:
        return PRIORITY_DEFAULT
    if _is_small(text) and int(text) <= PRIORITY_MAX:
        return int(text)
    number = number_of(text, variables)
    if number != number.to_integral_value():
        raise ExpressionError(
            f"Expected result of the expression '{_bare(text)}' to be an integer, "
            "but was a decimal."
        )
    if not 0 <= number <= PRIORITY_MAX:
        raise ExpressionError(
            f"Expected priority to be in the range [0,{PRIORITY_MAX}] but was '{number:f}'."
        )
    return int(number)


def _job(job_type: str, retries: str, variables: Mapping[str, object]) -> tuple[str, int] | Failure:
    try:
        return filled_text_of(job_type, variables), _retries(retries, variables)
    except ExpressionError as error:
        return Failure(IncidentType.EXTRACT_VALUE_ERROR, str(error))


def _retries(text: str, variables: Mapping[str, object]) -> int:
    if not text:
        return RETRIES_DEFAULT
    if _is_small(text):
        return int(text)
    number = number_of(text, variables)
    if not -RETRIES_MAX <= number <= RETRIES_MAX:
        raise ExpressionError(
            f"Expected retries to be in the range [{-RETRIES_MAX},{RETRIES_MAX}] "
            f"but was '{number:f}'."
        )
    return int(number)  # towards zero: 2.5 → 2


def _is_small(text: str) -> bool:
    """Tell whether it is a plain literal: nearly all are, and need no decimals."""
    return len(text) < 10 and text.isascii() and text.isdigit()


def _bare(text: str) -> str:
    return text[1:] if is_expression(text) else text


def _source(source: str, variables: Mapping[str, object]) -> object:
    if is_expression(source):
        return evaluate(source, variables).value
    return source or None


def _with(held: object, path: Sequence[str], value: object) -> object:
    """Give a copy of an object with a value set deep inside it; anything else gives way to one."""
    if not path:
        return value
    name, *rest = path
    inner = dict(cast("dict[str, object]", held)) if isinstance(held, dict) else {}
    inner[name] = _with(inner.get(name), rest, value)
    return inner
