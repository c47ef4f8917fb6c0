"""The log in memory, with objects and with bytes."""

from collections.abc import AsyncIterator

import pytest

from signoff_process.log.memory import MemoryLog
from signoff_process.log.ports import Log, LogMismatch, LogUnavailable
from signoff_schemas.topics import Inlet
from tests.adapters.log_contract import (
    INBOXES,
    PARTITIONS,
    Inbound,
    LogContract,
    a_command,
    a_reply,
    fetch_all,
    ids,
    ids_of,
    publish_all,
    replies,
)


class TestMemoryLog(LogContract):
    @pytest.fixture(params=[False, True], ids=["objects", "bytes"])
    async def log(self, request: pytest.FixtureRequest) -> AsyncIterator[Log]:
        log = MemoryLog(PARTITIONS, INBOXES, force_encoding=request.param)
        await log.start()
        yield log
        await log.close()


async def test_offsets_go_on_from_those_that_the_database_remembers() -> None:
    log = MemoryLog(1, 1)
    publisher = await log.entry_publisher()
    await publish_all(publisher, Inlet.COMMANDS, sent := [a_command(), a_command()])

    source = await log.source(1, 500, 40)
    arrivals = await fetch_all(source, 2)

    assert ids(arrivals) == ids_of(sent)
    assert [arrival.offset for arrival in arrivals] == [500, 501]


async def test_what_was_mirrored_is_gone() -> None:
    log = MemoryLog(1, 1)
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
    await publish_all(publisher, Inlet.COMMANDS, [a_command() for _ in range(3)])
    await fetch_all(source, 3)

    await source.mirror(2, 0)

    with pytest.raises(LogMismatch):
        await log.source(1, 1, 0)


async def test_a_mirror_beyond_the_end_loses_nothing() -> None:
    log = MemoryLog(1, 1)
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)

    await source.mirror(9, 9)
    await publish_all(publisher, Inlet.COMMANDS, sent := [a_command()])

    assert ids(await fetch_all(source, 1)) == ids_of(sent)


async def test_a_closed_source_says_so() -> None:
    source = await MemoryLog(1, 1).source(1, 0, 0)

    await source.close()

    with pytest.raises(LogUnavailable):
        await source.fetch(1, 60_000)


async def test_objects_are_passed_as_they_are() -> None:
    log, heard = MemoryLog(1, 1), Inbound()
    await log.on_replies(0, heard.add)
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
    await publisher.publish(Inlet.COMMANDS, sent := a_command())
    await (await log.publisher()).publish([(0, batch := replies(a_reply("a")))])
    await heard.reach(1)

    assert (await source.fetch(1, 0))[0].entry is sent
    assert heard.batches[0] is batch
