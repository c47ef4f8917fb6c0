"""The topics on Kafka: made or verified at start, and known by their ids.

The database keeps offsets of two topics. They mean nothing in any other Kafka, and nothing in
topics that were deleted and made again under the same names, so the identity is the cluster's id
and the ids of those two topics (which Kafka tells since 2.8).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    InvalidPartitionsError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from signoff_process.log.kafka_client import cut_off_consumer, learn_topics, make_consumer
from signoff_process.log.kafka_metadata import FoundTopics, look_at_topics
from signoff_process.log.ports import LogMismatch, LogUnavailable
from signoff_schemas import topics
from signoff_schemas.frozen import frozen

RETENTION_MIN_MS: Final = 24 * 3_600_000
"""A command is refused when it is a day old; until then its record must be there to be read."""

CONNECT_SECONDS: Final = 10.0
STOP_SECONDS: Final = 1.0
_INLETS: Final = (topics.COMMANDS, topics.RESULTS)
_INBOXES: Final = (topics.REPLIES, topics.JOBS)


@frozen
class KafkaOptions:
    """How to talk to Kafka, and what the topics are to be like when we make them.

    ``security`` is handed to every aiokafka client as it is (``security_protocol``,
    ``ssl_context``, ``sasl_…``). ``topic_prefix`` takes the place of ``signoff`` in all topic names
    and names the group under which offsets are shown, so that installations can share one Kafka.
    """

    topic_prefix: str = "signoff"
    replication: int = 1
    in_sync_min: int = 1
    retention_ms: int = 7 * RETENTION_MIN_MS
    message_bytes_max: int = 5 * 1_048_576
    """The largest record batch that is sent; what the topics allow counts when it is less."""
    patience_ms: int = 1_000
    """How long a publish waits for its acknowledgement before it says that the log is away."""
    security: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def topic(self, name: str) -> str:
        """What a topic of ``signoff_schemas.topics`` is called on this Kafka."""
        return self.topic_prefix + name.removeprefix("signoff")


class KafkaTopics:
    """All topics of one installation.

    Args:
        bootstrap: ``host:port``, or several with commas.
        partitions: Number of partitions of commands, results and events.
        inboxes: Number of partitions of replies and jobs.
        options: Everything else.
    """

    def __init__(
        self, bootstrap: str, partitions: int, inboxes: int, options: KafkaOptions
    ) -> None:
        self._bootstrap = bootstrap
        self._options = options
        self._inboxes = {options.topic(name) for name in _INBOXES}
        self._counts = {
            options.topic(name): inboxes if name in _INBOXES else partitions for name in topics.ALL
        }
        self.message_bytes_max = options.message_bytes_max
        """The least that any of the topics allows; known after ``ensure``."""

    async def ensure(self) -> str:
        """Make what is missing, verify what is there; the identity of the log.

        Partitions are added, never inboxes: a record in one of these is for a process that has it.

        Raises: LogUnavailable, LogMismatch.
        """
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, **self._options.security)
        client: Any = AIOKafkaClient(bootstrap_servers=self._bootstrap, **self._options.security)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await admin.start()
                await client.bootstrap()
                found = await self._grown(admin, client, await self._made(admin, client))
                self._verify_partitions(found)
                await self._verify_configuration(admin)
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        finally:
            await admin.close()
            await client.close()
        ids = ".".join(found.ids[self._options.topic(name)] for name in _INLETS)
        return f"kafka:{found.cluster}:{ids}"

    async def _made(self, admin: AIOKafkaAdminClient, client: Any) -> FoundTopics:
        """Make what is missing, and wait until Kafka knows all of it."""
        asked = False
        while True:
            found = await look_at_topics(client, tuple(self._counts))
            missing = [name for name in self._counts if name not in found.ids]
            if not missing:
                if asked:
                    await self._until_led()
                return found
            if not asked:
                await self._make(admin, missing)
                asked = True
            await asyncio.sleep(0.02)

    async def _until_led(self) -> None:
        """Wait until the leaders of all partitions know that they are: until then they refuse."""
        consumer = make_consumer(bootstrap_servers=self._bootstrap, **self._options.security)
        try:
            await consumer.start()
            await learn_topics(consumer, list(self._counts))
            await consumer.end_offsets(
                [
                    TopicPartition(name, number)
                    for name, count in self._counts.items()
                    for number in range(count)
                ]
            )
        finally:
            await cut_off_consumer(consumer, STOP_SECONDS)

    async def _make(self, admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
        options = self._options
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(options.retention_ms),
            "min.insync.replicas": str(options.in_sync_min),
            "max.message.bytes": str(options.message_bytes_max),
            # Kafka unpacks what others compress with codecs that our client has not.
            "compression.type": "uncompressed",
        }
        answer: Any = await admin.create_topics(
            [
                NewTopic(name, self._counts[name], options.replication, topic_configs=settings)
                for name in names
            ]
        )
        for name, code, *message in answer.topic_errors:
            error = for_code(code)
            # Another process may have been faster.
            if code and error is not TopicAlreadyExistsError:
                raise LogMismatch(f"topic {name} cannot be made: {error.__name__} {message}")

    async def _grown(
        self, admin: AIOKafkaAdminClient, client: Any, found: FoundTopics
    ) -> FoundTopics:
        """Add partitions that are missing, and wait until Kafka knows all of them."""
        asked = False
        while short := self._short(found):
            if not asked:
                await self._grow(admin, short)
                asked = True
            await asyncio.sleep(0.02)
            found = await look_at_topics(client, tuple(self._counts))
        if asked:
            await self._until_led()
        return found

    def _short(self, found: FoundTopics) -> dict[str, NewPartitions]:
        return {
            name: NewPartitions(count)
            for name, count in self._counts.items()
            if name not in self._inboxes and found.partitions[name] < count
        }

    async def _grow(self, admin: AIOKafkaAdminClient, short: dict[str, NewPartitions]) -> None:
        for name, wanted in short.items():
            try:
                await admin.create_partitions({name: wanted})
            except InvalidPartitionsError:
                pass  # another process was faster
            except KafkaError as error:
                if error.retriable:
                    raise
                raise LogMismatch(f"topic {name} cannot have more partitions: {error!r}") from error

    def _verify_partitions(self, found: FoundTopics) -> None:
        for name, count in self._counts.items():
            there = found.partitions[name]
            if there != count:
                setting = "SIGNOFF_INBOXES" if name in self._inboxes else "SIGNOFF_PARTITIONS"
                never = (
                    "cannot be changed" if name in self._inboxes else "can be added, never removed"
                )
                raise LogMismatch(
                    f"topic {name} has {there} partitions, which {never}, but {setting} is {count}:"
                    f" set it to {there}"
                )

    async def _verify_configuration(self, admin: AIOKafkaAdminClient) -> None:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in self._counts]
        inlets = {self._options.topic(name) for name in _INLETS}
        answers: Any = await admin.describe_configs(resources)
        for answer in answers:
            for code, message, _, name, entries in answer.resources:
                if code:
                    raise LogMismatch(f"topic {name} cannot be looked at: {message}")
                values = {str(entry[0]): str(entry[1]) for entry in entries}
                self._verify_topic(str(name), values, is_inlet=name in inlets)
                largest = int(values["max.message.bytes"])
                self.message_bytes_max = min(self.message_bytes_max, largest)

    def _verify_topic(self, name: str, values: Mapping[str, str], *, is_inlet: bool) -> None:
        if values["cleanup.policy"] != "delete":
            raise LogMismatch(
                f"topic {name}: cleanup.policy must be delete, compaction loses records"
            )
        if int(values["min.insync.replicas"]) < self._options.in_sync_min:
            raise LogMismatch(
                f"topic {name}: min.insync.replicas is less than {self._options.in_sync_min}"
            )
        if not is_inlet:
            return
        if 0 <= int(values["retention.ms"]) < RETENTION_MIN_MS:
            raise LogMismatch(
                f"topic {name}: retention.ms must be a day ({RETENTION_MIN_MS}) or more"
            )
        if values["compression.type"] not in {"uncompressed", "gzip"}:
            raise LogMismatch(f"topic {name}: compression.type must be uncompressed (or gzip)")
