"""What a task listener answers when it is a worker of this dialect: its output, read."""

from collections.abc import Callable, Mapping
from typing import Final, cast

from signoff_gateway.dialects.orkes.answers import BadRequest
from signoff_schemas.limits import INT32_MAX, TEXT_MAX, unstorable, unstorable_names
from signoff_schemas.values import JobResult

_DENIED: Final = "denied"
_REASON: Final = "deniedReason"
_CORRECTIONS: Final = "corrections"


def listener_result(output: Mapping[str, object]) -> JobResult:
    """``{"denied", "deniedReason", "corrections": {"assignee", …}}``. Raises: BadRequest."""
    for name in output:
        if name not in (_DENIED, _REASON, _CORRECTIONS):
            raise BadRequest(
                f"The output of a task listener takes {_DENIED}, {_REASON} and {_CORRECTIONS}, "
                f"not {name[:100]}"
            )
    denied, reason = output.get(_DENIED), output.get(_REASON)
    corrections = output.get(_CORRECTIONS)
    if not isinstance(denied, bool | None):
        raise BadRequest(f"{_DENIED} must be true or false")
    if not isinstance(reason, str | None) or len(reason or "") > TEXT_MAX:
        raise BadRequest(f"{_REASON} must be a text")
    if not isinstance(corrections, dict | None):
        raise BadRequest(f"{_CORRECTIONS} must be an object")
    given = cast("Mapping[str, object]", corrections or {})
    return JobResult(
        denied=denied is True,
        denied_reason=reason or "",
        corrections=dict(_correction(name, value) for name, value in given.items()),
    )


def _correction(name: str, value: object) -> tuple[str, object]:
    known = _ATTRIBUTES.get(name)
    if known is None:
        raise BadRequest(f"{name[:100]} cannot be corrected; {', '.join(_ATTRIBUTES)} can")
    attribute, is_valid = known
    if not is_valid(value):
        raise BadRequest(f"The value of {name} is not valid")
    return attribute, value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not unstorable(value)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and not unstorable_names(cast("list[object]", value))


def _is_number(value: object) -> bool:
    return type(value) is int and abs(value) <= INT32_MAX


_ATTRIBUTES: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "assignee": ("assignee", _is_text),
    "candidateGroups": ("candidate_groups", _is_names),
    "candidateUsers": ("candidate_users", _is_names),
    "dueDate": ("due_date", _is_text),
    "followUpDate": ("follow_up_date", _is_text),
    "priority": ("priority", _is_number),
}
"""By the dialect's name: ours, and what a value must be."""
