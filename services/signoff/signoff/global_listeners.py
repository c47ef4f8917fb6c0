"""Listeners of every task from static configuration: read leniently, set at every start.

What is wrong is dropped with a warning, as users of that configuration expect (camunda.md 4): an
entry without id, type or a valid event, or whose retries are not a positive whole number.
"""

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


async def configure(log: Log, clock: Clock, entries: Iterable[Mapping[str, object]]) -> None:
    """Make the configured listeners exactly these. Raises: LogUnavailable."""
    listeners = tuple(each for each in map(_listener, entries) if each is not None)
    unique = str(uuid_utils.uuid7())
    publisher = await log.entry_publisher()
    await publisher.publish(
        Inlet.COMMANDS,
        Entry(
            id=command_id(SETTINGS_PARTITION, unique),
            request_id=unique,
            partition=SETTINGS_PARTITION,
            principal=ENGINE,
            issued_at=clock.now_ms(),
            body=ConfigureGlobalListeners(listeners=listeners),
        ),
    )
    await publisher.close()


def _listener(entry: Mapping[str, object]) -> GlobalListener | None:
    identifier, job_type = entry.get("id"), entry.get("type")
    events = _events(entry.get("event-types"))
    retries = entry.get("retries", 3)
    priority = entry.get("priority", 50)
    if not (isinstance(identifier, str) and identifier and isinstance(job_type, str) and job_type):
        return _dropped(entry, "id and type are needed")
    if not events:
        return _dropped(entry, "no valid event type")
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 1:
        return _dropped(entry, "retries must be a positive whole number")
    if not isinstance(priority, int) or isinstance(priority, bool):
        return _dropped(entry, "priority must be a whole number")
    after = entry.get("after-non-global", False) is True
    return GlobalListener(
        identifier, job_type, events, retries, after_own=after, priority=priority, configured=True
    )


def _events(value: object) -> tuple[ListenerEvent, ...]:
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list):
        return ()
    names = {each.lower() for each in named if isinstance(each, str)}  # pyright: ignore[reportUnknownVariableType]
    return tuple(each for each in ListenerEvent if ALL in names or each.value in names)


def _dropped(entry: Mapping[str, object], reason: str) -> None:
    structlog.get_logger().warning(
        "global_listener_dropped", id=str(entry.get("id")), reason=reason
    )
