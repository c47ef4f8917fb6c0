"""Listeners of every task from static configuration: read leniently, set at every start.

What is wrong is dropped with a warning, as users of that configuration expect (camunda.md 4): an
entry without id, type or a valid event, or whose retries are not a positive whole number. Names
may be written in kebab-case, camelCase or snake_case, as there: event-types, eventTypes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
import uuid_utils

from signoff_process.clock import Clock
from signoff_process.log.ports import Log
from signoff_schemas.commands import ConfigureGlobalListeners
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import SETTINGS_PARTITION, command_id
from signoff_schemas.principal import ENGINE
from signoff_schemas.topics import Inlet
from signoff_schemas.values import GlobalListener, ListenerEvent

ALL: Final = "all"
RETRIES: Final = 3
PRIORITY: Final = 50


async def configure(log: Log, clock: Clock, entries: Iterable[Mapping[str, object]]) -> None:
    """Make the configured listeners exactly these; once more changes nothing.

    Raises: LogUnavailable.
    """
    listeners = tuple(
        each for each in (_listener(_relaxed(entry)) for entry in entries) if each is not None
    )
    unique = str(uuid_utils.uuid7())
    publisher = await log.entry_publisher()
    entry = Entry(
        id=command_id(SETTINGS_PARTITION, unique),
        request_id=unique,
        partition=SETTINGS_PARTITION,
        principal=ENGINE,
        issued_at=clock.now_ms(),
        body=ConfigureGlobalListeners(listeners=listeners),
    )
    try:
        await publisher.publish(Inlet.COMMANDS, entry)
    finally:
        await publisher.close()


def _listener(entry: Mapping[str, object]) -> GlobalListener | None:
    """The listener that an entry describes; None, and a warning, if it describes none."""
    problem = _problem(entry)
    if problem:
        structlog.get_logger().warning(
            "global_listener_dropped", id=str(entry.get("id")), reason=problem
        )
        return None
    return GlobalListener(
        id=str(entry["id"]),
        job_type=str(entry["type"]),
        events=_events(entry["eventtypes"]),
        retries=int(str(entry.get("retries", RETRIES))),
        after_own=entry.get("afternonglobal") is True,
        priority=int(str(entry.get("priority", PRIORITY))),
        configured=True,
    )


def _relaxed(entry: Mapping[str, object]) -> dict[str, object]:
    """The entry with its names in lower case and without separators."""
    return {re.sub(r"[-_]", "", name).lower(): value for name, value in entry.items()}


def _problem(entry: Mapping[str, object]) -> str:
    if not all(isinstance(entry.get(name), str) and entry[name] for name in ("id", "type")):
        return "id and type are needed"
    if not _events(entry.get("eventtypes")):
        return "no valid event type"
    retries, priority = entry.get("retries", RETRIES), entry.get("priority", PRIORITY)
    if type(retries) is not int or retries < 1:
        return "retries must be a positive whole number"
    return "" if type(priority) is int else "priority must be a whole number"


def _events(value: object) -> tuple[ListenerEvent, ...]:
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list):
        return ()
    names = {each.lower() for each in named if isinstance(each, str)}  # pyright: ignore[reportUnknownVariableType]
    return tuple(each for each in ListenerEvent if ALL in names or each.value in names)
