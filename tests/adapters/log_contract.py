"""What every log keeps: run on memory and on a real Kafka by who subclasses `LogContract`.

A subclass gives the fixture `log`: a started log of two partitions and three inboxes.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

import pytest

from signoff_process.log.ports import Arrival, CommandSource, EntryPublisher, Log, LogMismatch
from signoff_schemas.codec import EventBatch, JobBatch, ReplyBatch
from signoff_schemas.commands import AssignTask
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import command_id, key_of
from signoff_schemas.jobs import Ring
from signoff_schemas.principal import Principal
from signoff_schemas.replies import Outcome, OutcomeStatus, Reply, Waiting
from signoff_schemas.results import YieldJob
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Inbox

PARTITIONS = 2
INBOXES = 3
PATIENCE_MS = 30_000
NOTHING_MS = 150

_numbers = count(1)


def a_command(*, partition: int = 1, assignee: str = "demo") -> Entry:
    number = next(_numbers)
    return Entry(
        id=command_id(partition, f"test-{number}"),
        request_id=f"r{number}",
        partition=partition,
        principal=Principal("demo"),
        inbox=Inbox(0, "gateway"),
        issued_at=1_700_000_000_000,
        body=AssignTask(task_key=key_of(partition, 7), assignee=assignee),
    )


def a_result(*, partition: int = 1) -> Entry:
    body = YieldJob(job_key=key_of(partition, 8), lease_token="1")
    return a_command(partition=partition).model_copy(update={"body": body, "inbox": None})


def a_reply(request_id: str, *, result: dict[str, object] | None = None) -> Reply:
    outcome = Outcome(status=OutcomeStatus.APPLIED, result=result or {})
    return Reply(
        gateway="gateway",
        partition=1,
        request_id=request_id,
        command_id=f"c1-{request_id}",
        outcome=outcome,
    )


def replies(*items: Reply | Waiting) -> ReplyBatch:
    return ReplyBatch(gateway="gateway", items=items)


def rings(*types: str) -> JobBatch:
    items = [Ring(subscriber="worker", partition=1, job_type=name) for name in types]
    return JobBatch(subscriber="worker", items=tuple(items))


def events(position: int) -> EventBatch:
    return EventBatch(
        partition=1, position=position, command_id="c1-x", actor="demo", at=1, items=()
    )


async def publish_all(publisher: EntryPublisher, inlet: Inlet, entries: Sequence[Entry]) -> None:
    for acknowledged in [publisher.publish(inlet, entry) for entry in entries]:
        await acknowledged


async def fetch_all(source: CommandSource, wanted: int, *, limit: int = 1_000) -> list[Arrival]:
    """That many arrivals, and the proof that there are no more at once."""
    arrivals: list[Arrival] = []
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while len(arrivals) < wanted:
            arrivals += await source.fetch(limit, PATIENCE_MS)
    return [*arrivals, *await source.fetch(limit, NOTHING_MS)]


async def until_ahead(source: CommandSource, inlets: dict[Inlet, int]) -> None:
    """Wait until the source could hand out that many; only a reader that runs ahead needs it."""
    ahead = getattr(source, "ahead", None)
    while ahead and any(ahead(inlet) < number for inlet, number in inlets.items()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def ids(arrivals: Sequence[Arrival]) -> list[str]:
    return [arrival.entry.request_id if arrival.entry else "rubbish" for arrival in arrivals]


class Inbound:
    """A list that can be waited for."""

    def __init__(self) -> None:
        self.batches: list[ReplyBatch | JobBatch] = []
        self._changed = asyncio.Event()

    def add(self, batch: ReplyBatch | JobBatch) -> None:
        self.batches.append(batch)
        self._changed.set()

    async def reach(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while len(self.batches) < number:
                self._changed.clear()
                await self._changed.wait()

    def names(self) -> list[str]:
        items = [item for batch in self.batches for item in batch.items]
        return [item.job_type if isinstance(item, Ring) else item.request_id for item in items]  # type: ignore[union-attr]


class LogContract:
    async def test_entries_come_in_the_order_in_which_they_were_published(self, log: Log) -> None:
        publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
        sent = [a_command() for _ in range(300)]

        await publish_all(publisher, Inlet.COMMANDS, sent)
        arrivals = await fetch_all(source, 300, limit=40)

        assert [arrival.entry for arrival in arrivals] == sent
        assert [arrival.offset for arrival in arrivals] == list(range(300))
        assert {arrival.inlet for arrival in arrivals} == {Inlet.COMMANDS}

    async def test_partitions_do_not_mix(self, log: Log) -> None:
        publisher = await log.entry_publisher()
        first, second = a_command(partition=1), a_command(partition=2)

        await publish_all(publisher, Inlet.COMMANDS, [first, second])

        assert ids(await fetch_all(await log.source(1, 0, 0), 1)) == [first.request_id]
        assert ids(await fetch_all(await log.source(2, 0, 0), 1)) == [second.request_id]

    async def test_results_overtake_commands_but_leave_them_a_quarter(self, log: Log) -> None:
        publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
        await publish_all(publisher, Inlet.COMMANDS, [a_command() for _ in range(40)])
        await publish_all(publisher, Inlet.RESULTS, [a_result() for _ in range(40)])
        await until_ahead(source, {Inlet.COMMANDS: 40, Inlet.RESULTS: 40})

        batch = [arrival.inlet for arrival in await source.fetch(40, PATIENCE_MS)]

        assert batch == [Inlet.RESULTS] * 30 + [Inlet.COMMANDS] * 10

    async def test_results_fill_a_batch_when_no_command_waits(self, log: Log) -> None:
        publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
        await publish_all(publisher, Inlet.RESULTS, [a_result() for _ in range(50)])
        await until_ahead(source, {Inlet.RESULTS: 50})

        assert len(await source.fetch(40, PATIENCE_MS)) == 40

    async def test_fetch_returns_as_soon_as_there_is_something(self, log: Log) -> None:
        publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
        fetching = asyncio.create_task(source.fetch(10, 60_000))
        await asyncio.sleep(0)

        started = time.monotonic()
        await publisher.publish(Inlet.COMMANDS, a_command())

        assert len(await fetching) == 1
        assert time.monotonic() - started < 30

    async def test_fetch_is_empty_after_its_timeout(self, log: Log) -> None:
        source = await log.source(1, 0, 0)

        started = time.monotonic()

        assert list(await source.fetch(10, 100)) == []
        assert 0.09 < time.monotonic() - started < 30

    async def test_wake_ends_a_waiting_fetch_empty(self, log: Log) -> None:
        source = await log.source(1, 0, 0)
        fetching = asyncio.create_task(source.fetch(10, 60_000))
        await asyncio.sleep(0)

        source.wake()

        async with asyncio.timeout(30):
            assert list(await fetching) == []

    async def test_wake_for_nobody_is_forgotten(self, log: Log) -> None:
        source = await log.source(1, 0, 0)

        source.wake()

        started = time.monotonic()
        assert list(await source.fetch(10, 100)) == []
        assert time.monotonic() - started > 0.09

    async def test_what_was_not_committed_comes_again_after_a_takeover(self, log: Log) -> None:
        publisher, first = await log.entry_publisher(), await log.source(1, 0, 0)
        sent = [a_command() for _ in range(6)]
        answers = [a_result() for _ in range(2)]
        await publish_all(publisher, Inlet.COMMANDS, sent)
        await publish_all(publisher, Inlet.RESULTS, answers)
        await fetch_all(first, 8)
        await first.mirror(4, 1)
        await first.close()

        second = await log.source(1, 4, 1)
        await publish_all(publisher, Inlet.COMMANDS, [late := a_command()])

        arrivals = await fetch_all(second, 4)
        assert sorted(ids(arrivals)) == sorted(ids_of([*sent[4:], answers[1], late]))
        assert {arrival.offset for arrival in arrivals} == {1, 4, 5, 6}

    async def test_what_nobody_fetched_survives_a_takeover(self, log: Log) -> None:
        publisher, first = await log.entry_publisher(), await log.source(1, 0, 0)
        await first.close()
        await publish_all(publisher, Inlet.COMMANDS, sent := [a_command() for _ in range(3)])

        assert ids(await fetch_all(await log.source(1, 0, 0), 3)) == ids_of(sent)

    async def test_an_offset_beyond_the_end_is_refused(self, log: Log) -> None:
        publisher, first = await log.entry_publisher(), await log.source(1, 0, 0)
        await publish_all(publisher, Inlet.COMMANDS, [a_command()])
        await fetch_all(first, 1)

        with pytest.raises(LogMismatch):
            await log.source(1, 2, 0)

    async def test_replies_reach_only_the_inbox_they_were_sent_to(self, log: Log) -> None:
        publisher, mine, other = await log.publisher(), Inbound(), Inbound()
        await log.on_replies(0, mine.add)
        await log.on_replies(1, other.add)

        await publisher.publish(
            [(0, replies(a_reply("a"), a_reply("b"))), (1, replies(a_reply("c")))]
        )
        await publisher.publish([(0, replies(a_reply("d")))])
        await mine.reach(2)
        await other.reach(1)

        assert mine.names() == ["a", "b", "d"]
        assert other.names() == ["c"]

    async def test_a_subscription_begins_when_it_returns(self, log: Log) -> None:
        publisher, heard = await log.publisher(), Inbound()
        await publisher.publish([(2, replies(a_reply("early"))), (2, rings("early"))])

        await log.on_replies(2, heard.add)
        await log.on_jobs(2, heard.add)
        await publisher.publish([(2, replies(a_reply("late")))])
        await publisher.publish([(2, rings("late ring")), (1, events(1))])
        await heard.reach(2)

        assert sorted(heard.names()) == ["late", "late ring"]

    async def test_a_closed_subscription_hears_nothing(self, log: Log) -> None:
        publisher, heard, still = await log.publisher(), Inbound(), Inbound()
        subscription = await log.on_jobs(0, heard.add)
        await log.on_jobs(0, still.add)

        await subscription.close()
        await publisher.publish([(0, rings("a"))])
        await still.reach(1)

        assert heard.batches == []

    async def test_a_callback_that_raises_does_not_end_the_subscription(self, log: Log) -> None:
        publisher, heard = await log.publisher(), Inbound()
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

        def stumble(batch: ReplyBatch) -> None:
            heard.add(batch)
            raise ZeroDivisionError

        await log.on_replies(0, stumble)
        for name in "ab":
            await publisher.publish([(0, replies(a_reply(name)))])
        await heard.reach(2)

        assert heard.names() == ["a", "b"]
        assert told

    async def test_nothing_is_unacknowledged_when_all_is_awaited(self, log: Log) -> None:
        publisher = await log.entry_publisher()

        await publish_all(publisher, Inlet.RESULTS, [a_result() for _ in range(5)])

        assert publisher.oldest_unacknowledged_ms() == 0

    async def test_the_identity_stays(self, log: Log) -> None:
        assert await log.start() == await log.start()


def ids_of(entries: Sequence[Entry]) -> list[str]:
    return [entry.request_id for entry in entries]
