"""Our own Kafka: it keeps what it acknowledged and leaves nothing behind."""

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from signoff_process.kafka_server import KafkaServer, KafkaServerError, fetch_jars
from tests.support.backends import KAFKA, missing

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture
async def server() -> AsyncIterator[KafkaServer]:
    home = Path(tempfile.mkdtemp(prefix="signoff-test-"))
    kafka = KafkaServer(home / "kafka")
    try:
        await kafka.start()
    except KafkaServerError as error:
        missing("Kafka of our own", str(error), KAFKA)
    yield kafka
    await kafka.stop()
    shutil.rmtree(home)


async def create_topic(bootstrap: str) -> str:
    name = f"test-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return name


async def send(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def receive(bootstrap: str, topic: str, how_many: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        return [(await consumer.getone()).value or b"" for _ in range(how_many)]
    finally:
        await consumer.stop()


async def test_what_was_acknowledged_survives_kill_and_restart(server: KafkaServer) -> None:
    address = server.bootstrap
    topic = await create_topic(address)
    await send(address, topic, b"one", b"two")
    assert await receive(address, topic, 2) == [b"one", b"two"]

    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    await server.start()
    assert server.bootstrap == address
    assert await receive(address, topic, 2) == [b"one", b"two"]

    await server.restart()
    await send(address, topic, b"three")
    assert await receive(address, topic, 3) == [b"one", b"two", b"three"]


async def test_stop_leaves_no_process_and_a_second_owner_is_refused(server: KafkaServer) -> None:
    pid = server.pid
    home = server._home
    with pytest.raises(KafkaServerError, match="in use"):
        await KafkaServer(home).start()
    await server.stop()

    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_sessions_kafka_answers(kafka_bootstrap: str) -> None:
    topic = await create_topic(kafka_bootstrap)
    await send(kafka_bootstrap, topic, b"hello")

    assert await receive(kafka_bootstrap, topic, 1) == [b"hello"]


def test_without_maven_and_jars_the_error_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(KafkaServerError, match="Maven, which would fetch them, is not installed"):
        fetch_jars(tmp_path)
