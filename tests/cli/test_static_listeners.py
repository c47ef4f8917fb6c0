"""Global listeners of the configuration: what is read from them, and what is dropped."""

from typing import Any

from signoff.global_listeners import configure
from signoff_process.clock import SystemClock
from signoff_process.log.memory import MemoryLog
from signoff_schemas.commands import ConfigureGlobalListeners
from signoff_schemas.values import GlobalListener, ListenerEvent


async def configured(*entries: dict[str, Any]) -> tuple[GlobalListener, ...]:
    log = MemoryLog(1, 1)
    await configure(log, SystemClock(), entries)
    [arrival] = await (await log.source(1, 0, 0)).fetch(1, 1_000)
    assert arrival.entry is not None
    assert isinstance(arrival.entry.body, ConfigureGlobalListeners)
    return arrival.entry.body.listeners


async def test_names_are_read_in_each_of_the_usual_spellings() -> None:
    [kebab, camel, snake] = await configured(
        {"id": "a", "type": "t", "event-types": ["updating"], "after-non-global": True},
        {"id": "b", "type": "t", "eventTypes": ["updating"], "afterNonGlobal": True},
        {"id": "c", "type": "t", "event_types": ["updating"], "after_non_global": True},
    )

    for each in (kebab, camel, snake):
        assert each.events == (ListenerEvent.UPDATING,)
        assert (each.after_own, each.retries, each.priority) == (True, 3, 50)


async def test_events_are_read_leniently() -> None:
    [some, every] = await configured(
        {"id": "a", "type": "t", "event-types": ["Creating", "creating", "bogus"]},
        {"id": "b", "type": "t", "event-types": "ALL"},
    )

    assert some.events == (ListenerEvent.CREATING,)
    assert every.events == tuple(ListenerEvent)


async def test_what_cannot_be_used_is_dropped() -> None:
    assert not await configured(
        {"type": "t", "event-types": ["all"]},
        {"id": "a", "event-types": ["all"]},
        {"id": "a", "type": "t"},
        {"id": "a", "type": "t", "event-types": ["bogus"]},
        {"id": "a", "type": "t", "event-types": ["all"], "retries": 0},
    )
