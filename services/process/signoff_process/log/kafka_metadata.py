"""Kafka's metadata request in version 10, the first that tells topic ids; aiokafka stops at 5."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from signoff_process.log.ports import LogMismatch
from signoff_schemas.frozen import frozen


@frozen
class FoundTopics:
    """Who the cluster is, and the id and number of partitions of each topic that is there."""

    cluster: str
    ids: Mapping[str, str]
    partitions: Mapping[str, int]


async def look_at_topics(client: Any, names: Sequence[str]) -> FoundTopics:
    """What Kafka says of these topics. Raises: KafkaError, LogMismatch if it is too old."""
    node = client.get_random_node()
    try:
        answer: Any = await client.send(node, _DescribeTopics(names))
    except NotImplementedError as error:
        raise LogMismatch(
            "Kafka 2.8 or newer is needed: older ones do not tell topic ids"
        ) from error
    there = [topic for topic in answer.topics if topic[0] == 0]
    return FoundTopics(
        cluster=str(answer.cluster_id),
        ids={topic[1]: topic[2] for topic in there},
        partitions={topic[1]: len(topic[4]) for topic in there},
    )


class _Uuid(AbstractType[str]):
    """16 bytes, shown as 32 hexadecimal digits."""

    @classmethod
    def encode(cls, value: str) -> bytes:
        return bytes.fromhex(value)

    @classmethod
    def decode(cls, data: BytesIO) -> str:
        return data.read(16).hex()


_NO_ID: Final = "0" * 32
_TEXT: Final = CompactString("utf-8")


class _Metadata(Response):
    API_KEY = 3  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride] - as aiokafka does
    API_VERSION = 10  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", _TEXT),
                ("port", Int32),
                ("rack", _TEXT),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Metadata
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _DescribeTopics(Request[_MetadataStruct]):
    """Ask for some topics by name, without making them."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        wanted: list[tuple[str, str, dict[int, bytes]]] = [
            (_NO_ID, name, {}) for name in self._names
        ]
        return request_struct_class(wanted, False, False, False, {})  # noqa: FBT003 - by position
