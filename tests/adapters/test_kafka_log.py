"""The log on a real Kafka: the contract, and what only Kafka can do to it."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import MessageSizeTooLargeError

from signoff_process.log.kafka import KafkaLog, KafkaOptions
from signoff_process.log.kafka_source import KafkaSource
from signoff_process.log.ports import EntryTooLarge, Log, LogMismatch, LogUnavailable
from signoff_schemas.codec import EventBatch, decode_event_batch, encode_entry
from signoff_schemas.process_events import ElementLeft
from signoff_schemas.replies import OutcomeStatus, Reply
from signoff_schemas.topics import Inlet
from tests.adapters.log_contract import (
    INBOXES,
    PARTITIONS,
    Inbound,
    LogContract,
    a_command,
    a_reply,
    a_result,
    events,
    fetch_all,
    ids,
    ids_of,
    publish_all,
    replies,
    rings,
)

pytestmark = pytest.mark.kafka


@pytest.fixture
def options() -> KafkaOptions:
    """Patient with a Kafka that is held up: that this is told is tested with the faults."""
    prefix = f"t{uuid4().hex[:8]}"
    return KafkaOptions(topic_prefix=prefix, message_bytes_max=100_000, patience_ms=30_000)


@pytest.fixture
async def log(kafka_bootstrap: str, options: KafkaOptions) -> AsyncIterator[KafkaLog]:
    log = KafkaLog(kafka_bootstrap, PARTITIONS, INBOXES, options)
    await log.start()
    yield log
    await log.close()


@pytest.fixture
async def raw(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A bare client, as anyone may have one."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, compression_type="gzip")
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def admin(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    yield admin
    await admin.close()


class TestKafkaLog(LogContract):
    pass


async def test_rubbish_arrives_without_an_entry_and_stops_nothing(
    log: KafkaLog, options: KafkaOptions, raw: AIOKafkaProducer
) -> None:
    topic, good = options.topic("signoff.commands"), a_command()
    rubbish = [b"", b"\xff\x00", b"[" * 50_000, b'{"v":2}', encode_entry(good)[:-1]]
    source = await log.source(1, 0, 0)

    for value in rubbish:
        await raw.send_and_wait(topic, value, key=b"k", partition=0)
    await raw.send_and_wait(topic, None, key=b"a tombstone", partition=0)
    await (await log.entry_publisher()).publish(Inlet.COMMANDS, good)
    arrivals = await fetch_all(source, 7)

    assert ids(arrivals) == ["rubbish"] * 6 + [good.request_id]
    assert [arrival.raw for arrival in arrivals] == [*rubbish, b"", b""]
    assert all(arrival.error for arrival in arrivals[:6])
    assert [arrival.offset for arrival in arrivals] == list(range(7))


async def test_rubbish_among_replies_is_skipped_and_counted(
    log: KafkaLog, options: KafkaOptions, raw: AIOKafkaProducer
) -> None:
    heard = Inbound()
    await log.on_replies(0, heard.add)

    await raw.send_and_wait(options.topic("signoff.replies"), b"{}", partition=0)
    await (await log.publisher()).publish([(0, replies(a_reply("a")))])
    await heard.reach(1)

    assert heard.names() == ["a"]
    assert log.unreadable == 1


async def test_a_too_large_entry_is_refused_and_the_next_goes_on(log: KafkaLog) -> None:
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
    first, large, last = a_command(), a_command(assignee="x" * 100_000), a_command()
    handed_over = [publisher.publish(Inlet.COMMANDS, entry) for entry in (first, large, last)]

    await handed_over[0]
    with pytest.raises(EntryTooLarge):
        await handed_over[1]
    await handed_over[2]

    assert ids(await fetch_all(source, 2)) == ids_of([first, last])


async def test_an_entry_larger_than_kafka_says_it_takes_is_refused_alone(
    log: KafkaLog, options: KafkaOptions, admin: AIOKafkaAdminClient, raw: AIOKafkaProducer
) -> None:
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
    await _shrink(admin, raw, options.topic("signoff.commands"))
    entries = [a_command(), a_command(assignee="x" * 30_000), a_command(), a_command()]
    outcome = await asyncio.gather(
        *[_awaited(publisher.publish(Inlet.COMMANDS, entry)) for entry in entries],
        return_exceptions=True,
    )

    assert [type(each) for each in outcome] == [type(None), EntryTooLarge, type(None), type(None)]
    assert ids(await fetch_all(source, 3)) == ids_of([entries[0], *entries[2:]])


async def test_a_too_large_batch_comes_in_pieces(log: KafkaLog) -> None:
    heard = Inbound()
    await log.on_replies(0, heard.add)
    await log.on_jobs(0, heard.add)
    large = [a_reply(name, result={"text": "x" * 60_000}) for name in "ab"]

    await (await log.publisher()).publish(
        [(0, replies(*large)), (0, rings("j" * 60_000, "k" * 60_000))]
    )
    await heard.reach(4)

    assert sorted(name[0] for name in heard.names()) == ["a", "b", "j", "k"]
    assert all(len(batch.items) == 1 for batch in heard.batches)


async def test_a_too_large_reply_still_says_how_its_command_ended(log: KafkaLog) -> None:
    heard = Inbound()
    await log.on_replies(0, heard.add)
    huge = a_reply("huge", result={"text": "x" * 100_000})

    await (await log.publisher()).publish([(0, replies(a_reply("a"), huge, a_reply("b")))])
    await heard.reach(3)

    reply = heard.batches[1].items[0]
    assert isinstance(reply, Reply)
    assert heard.names() == ["a", "huge", "b"]
    assert reply.command_id == "c1-huge"
    assert reply.outcome.status is OutcomeStatus.APPLIED
    assert reply.outcome.result == {}


async def test_a_too_large_job_is_left_out(log: KafkaLog) -> None:
    heard = Inbound()
    await log.on_jobs(0, heard.add)

    await (await log.publisher()).publish([(0, rings("a", "x" * 100_000, "b"))])
    await heard.reach(2)

    assert heard.names() == ["a", "b"]


async def test_events_stand_on_their_topic_in_order(
    log: KafkaLog, options: KafkaOptions, kafka_bootstrap: str
) -> None:
    huge = ElementLeft(process_instance_key=1, node_id="x" * 100_000)
    batches: list[EventBatch] = [
        events(1),
        events(2).model_copy(update={"items": (huge,)}),
        events(3),
    ]

    await (await log.publisher()).publish([(2, batch) for batch in batches])

    place = TopicPartition(options.topic("signoff.events"), 1)
    read = [decode_event_batch(value) for value in await _values(kafka_bootstrap, place, 3)]
    assert read == [events(1), events(2), events(3)]


async def test_offsets_are_shown_under_the_group(
    log: KafkaLog, options: KafkaOptions, kafka_bootstrap: str
) -> None:
    publisher, source = await log.entry_publisher(), await log.source(2, 0, 0)
    assert isinstance(source, KafkaSource)
    await publish_all(publisher, Inlet.COMMANDS, [a_command(partition=2) for _ in range(3)])
    await publish_all(publisher, Inlet.RESULTS, [a_result(partition=2)])
    await fetch_all(source, 4)

    await source.mirror(3, 1)
    assert source._mirror is not None
    await source._mirror  # the first of a Kafka makes a topic, which may take longer than a close
    await source.close()

    shown = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, group_id=options.topic_prefix)
    await shown.start()
    assert await shown.committed(TopicPartition(options.topic("signoff.commands"), 1)) == 3
    assert await shown.committed(TopicPartition(options.topic("signoff.results"), 1)) == 1
    await shown.stop()


async def test_a_position_that_retention_took_is_refused(
    log: KafkaLog, options: KafkaOptions, admin: AIOKafkaAdminClient
) -> None:
    publisher = await log.entry_publisher()
    await publish_all(publisher, Inlet.COMMANDS, [a_command() for _ in range(5)])
    place = TopicPartition(options.topic("signoff.commands"), 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=3)})

    with pytest.raises(LogMismatch):
        await log.source(1, 0, 0)
    assert len(await fetch_all(await log.source(1, 3, 0), 2)) == 2


async def test_a_position_that_goes_while_it_is_read_is_an_error_and_no_jump(
    log: KafkaLog, options: KafkaOptions, admin: AIOKafkaAdminClient
) -> None:
    publisher, source = await log.entry_publisher(), await log.source(1, 0, 0)
    await publish_all(publisher, Inlet.COMMANDS, [a_command() for _ in range(2)])
    await fetch_all(source, 2)

    await _recreate(admin, options)
    await log.start()

    with pytest.raises(LogMismatch):
        await source.fetch(10, 60_000)


async def test_recreated_topics_are_another_log(
    log: KafkaLog, options: KafkaOptions, admin: AIOKafkaAdminClient
) -> None:
    before = await log.start()

    await _recreate(admin, options)

    assert await log.start() != before


async def test_fewer_partitions_and_other_inboxes_are_refused(
    log: KafkaLog, kafka_bootstrap: str, options: KafkaOptions
) -> None:
    for partitions, inboxes, advice in (
        (
            PARTITIONS - 1,
            INBOXES,
            f"SIGNOFF_PARTITIONS is {PARTITIONS - 1}: set it to {PARTITIONS}",
        ),
        (PARTITIONS, INBOXES - 1, f"SIGNOFF_INBOXES is {INBOXES - 1}: set it to {INBOXES}"),
        (PARTITIONS, INBOXES + 1, f"SIGNOFF_INBOXES is {INBOXES + 1}: set it to {INBOXES}"),
    ):
        with pytest.raises(LogMismatch, match=advice):
            await KafkaLog(kafka_bootstrap, partitions, inboxes, options).start()


async def test_partitions_are_added_by_whoever_is_told_of_more(
    log: KafkaLog, kafka_bootstrap: str, options: KafkaOptions
) -> None:
    before, old = await log.start(), await log.entry_publisher()
    first, second, third = a_command(), a_command(partition=PARTITIONS + 1), a_command()
    await publish_all(old, Inlet.COMMANDS, [first])
    more = [KafkaLog(kafka_bootstrap, PARTITIONS + 1, INBOXES, options) for _ in range(2)]
    try:
        assert await asyncio.gather(*(each.start() for each in more)) == [before, before]
        await publish_all(await more[0].entry_publisher(), Inlet.COMMANDS, [second])
        await publish_all(old, Inlet.COMMANDS, [third])
        for partition, sent in ((1, [first, third]), (PARTITIONS + 1, [second])):
            source = await more[1].source(partition, 0, 0)
            assert ids(await fetch_all(source, len(sent))) == [each.request_id for each in sent]
    finally:
        for each in more:
            await each.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "3600000"),
        ("compression.type", "zstd"),
    ],
)
async def test_topics_that_would_lose_records_are_refused(
    kafka_bootstrap: str,
    options: KafkaOptions,
    admin: AIOKafkaAdminClient,
    setting: str,
    value: str,
) -> None:
    name = options.topic("signoff.commands")
    settings = {"compression.type": "uncompressed", setting: value}
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=settings)])

    with pytest.raises(LogMismatch, match=setting):
        await KafkaLog(kafka_bootstrap, PARTITIONS, INBOXES, options).start()


async def test_no_kafka_is_said_so(options: KafkaOptions) -> None:
    with pytest.raises(LogUnavailable):
        await KafkaLog("127.0.0.1:1", PARTITIONS, INBOXES, options).start()


async def test_what_nobody_holds_any_more_is_closed_with_the_log(log: KafkaLog) -> None:
    await log.entry_publisher()
    gc.collect()

    await log.close()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_closed_publisher_takes_nothing(log: Log) -> None:
    publisher = await log.entry_publisher()
    await publisher.close()

    with pytest.raises(LogUnavailable):
        await publisher.publish(Inlet.COMMANDS, a_command())


async def test_a_reply_larger_than_kafka_says_it_takes_is_shortened(
    log: KafkaLog, options: KafkaOptions, admin: AIOKafkaAdminClient, raw: AIOKafkaProducer
) -> None:
    heard = Inbound()
    await log.on_replies(0, heard.add)
    await _shrink(admin, raw, options.topic("signoff.replies"))
    large = a_reply("large", result={"text": "x" * 30_000})

    await (await log.publisher()).publish([(0, replies(a_reply("a"), large, a_reply("b")))])
    await heard.reach(3)

    assert sorted(heard.names()) == ["a", "b", "large"]


async def _shrink(admin: AIOKafkaAdminClient, raw: AIOKafkaProducer, topic: str) -> None:
    """Have the topic take at most 20 kB, and see that it does, at a partition nobody reads."""
    less = {"max.message.bytes": "20000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=less)])
    with suppress(MessageSizeTooLargeError):
        while True:
            await raw.send_and_wait(topic, os.urandom(30_000), partition=1)


async def _awaited(acknowledged: object) -> None:
    await acknowledged  # type: ignore[misc]


async def _recreate(admin: AIOKafkaAdminClient, options: KafkaOptions) -> None:
    names = [options.topic(name) for name in ("signoff.commands", "signoff.results")]
    await admin.delete_topics(names)
    while set(names) & set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka tells nobody
        await asyncio.sleep(0.02)


async def _values(bootstrap: str, place: TopicPartition, number: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([place])
    values = [(await consumer.getone()).value or b"" for _ in range(number)]
    await consumer.stop()
    return values
