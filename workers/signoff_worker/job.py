"""A job as its handler sees it, and what the handler may answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

Json = object
"""A JSON value as Python holds it."""

_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListenerJob:
    """One job. Of a listener's task it shows the values asked for, which are not yet in effect.

    `event` is `creating`, `assigning`, `updating`, `completing` or `canceling`; of a service task's
    job it is empty, and so is all that speaks of a task.
    """

    key: str
    """The same when the job comes again: use it to tell a repetition."""
    type: str
    event: str = ""
    task_key: str = ""
    action: str = ""
    assignee: str | None = None
    candidate_users: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    due_date: datetime | None = None
    follow_up_date: datetime | None = None
    priority: int = 50
    changed: frozenset[str] = frozenset()
    """Attributes that differ from before: `assignee`, `due_date`, …, `variables`."""
    variables: Mapping[str, Json] = field(default_factory=dict[str, Json])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The model's headers."""
    retries: int = 3
    deadline: datetime = _FAR
    """When the job is given to another worker if nobody has answered."""
    process_id: str = ""
    process_instance_key: str = ""
    element_id: str = ""
    tenant: str = "<default>"


@dataclass(frozen=True, slots=True)
class Completion:
    """Accept. `variables` are for service tasks only: a listener has none to give."""

    variables: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class Correction:
    """Accept, with these attributes instead of the ones asked for."""

    attributes: Mapping[str, str | int | tuple[str, ...]]
    """Empty text and empty tuple clear."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Refuse: the task stays as it was, and the caller is told the reason."""

    reason: str


Outcome = Completion | Correction | Denial


def outcome_of(answer: object) -> Outcome:
    """What a handler's answer means: an outcome itself, nothing means accept.

    Raises:
        TypeError: It is anything else, such as a coroutine that was not awaited: to take that for
            consent would let through what was to be denied.
    """
    if answer is None:
        return complete()
    if not isinstance(answer, Outcome):
        kind = type(answer).__name__
        raise TypeError(f"the handler returned {kind}, not complete(), correct(…) or deny(…)")
    return answer


class _Kept:
    """Marks an attribute that `correct` was not told about."""

    def __repr__(self) -> str:
        return "unchanged"


KEEP = _Kept()


def complete(variables: Mapping[str, Json] | None = None) -> Completion:
    """Accept the change as it is; a service task may give variables to its process."""
    return Completion(dict(variables or {}))


def deny(reason: str) -> Denial:
    """Refuse the change. Possible for assigning, updating and completing listeners."""
    return Denial(reason)


def correct(
    *,
    assignee: str | _Kept | None = KEEP,
    candidate_users: Sequence[str] | _Kept = KEEP,
    candidate_groups: Sequence[str] | _Kept = KEEP,
    due_date: datetime | _Kept | None = KEEP,
    follow_up_date: datetime | _Kept | None = KEEP,
    priority: int | _Kept = KEEP,
) -> Correction:
    """Accept the change with other values; what is not named stays, None and empty lists clear.

    Raises:
        TypeError: A text where a list of names belongs.
        ValueError: A date without a time zone, or a priority outside 0..100: it is never cleared.
    """
    attributes: dict[str, str | int | tuple[str, ...]] = {}
    if not isinstance(assignee, _Kept):
        attributes["assignee"] = assignee or ""
    for name, names in (
        ("candidate_users", candidate_users),
        ("candidate_groups", candidate_groups),
    ):
        if isinstance(names, str):
            raise TypeError(f"{name} must be a list of names, not the text '{names}'")
        if not isinstance(names, _Kept):
            attributes[name] = tuple(names)
    for name, date in (("due_date", due_date), ("follow_up_date", follow_up_date)):
        if not isinstance(date, _Kept):
            attributes[name] = _printed(name, date)
    if not isinstance(priority, _Kept):
        if priority not in range(101):
            raise ValueError(f"priority {priority} is outside 0..100")
        attributes["priority"] = priority
    return Correction(attributes)


def _printed(name: str, date: datetime | None) -> str:
    if date is None:
        return ""
    if date.tzinfo is None:
        raise ValueError(f"{name} {date} has no time zone")
    return date.isoformat()
