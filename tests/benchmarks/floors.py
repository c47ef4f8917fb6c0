"""What the parts can do without Signoff: an HTTP server with one transaction a batch, and Kafka.

python -m tests.benchmarks.floors http DSN            the port is its first line
python -m tests.benchmarks.floors echo BOOTSTRAP
python -m tests.benchmarks.floors ask BOOTSTRAP       a plan on stdin, as for the client
"""

import asyncio
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import asyncpg
import orjson
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from signoff_process.lifecycle import tune_gc
from tests.benchmarks.usage import cpu_seconds

ROWS = 1000
REQUESTS = TopicPartition("floor-requests", 0)
REPLIES = TopicPartition("floor-replies", 0)
PADDING = b"x" * 400
"""About as much as a command weighs."""

PRIORITY = re.compile(rb'"priority":(\d+)')


class Floor:
    """An ASGI application that writes what came while the last transaction ran."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = asyncio.Event()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        found = PRIORITY.search(body)
        assert found is not None
        key = int(scope["path"].rpartition("/")[2]) % ROWS
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((key, int(found[1]), done))
        self._came.set()
        await done
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def write(self) -> None:
        """One transaction for all that waits, again and again."""
        while True:
            await self._came.wait()
            self._came.clear()
            batch, self._waiting = self._waiting, []
            newest = {key: priority for key, priority, _ in batch}
            await self._connection.execute(
                "UPDATE floor AS f SET priority = u.priority "
                "FROM unnest($1::int[], $2::int[]) AS u (key, priority) WHERE f.key = u.key",
                list(newest),
                list(newest.values()),
            )
            for _, _, done in batch:
                done.set_result(None)


async def serve(dsn: str) -> None:
    """Serve the floor on a free port, until it is ended."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP TABLE IF EXISTS floor")
    await connection.execute(
        "CREATE TABLE floor (key int PRIMARY KEY, priority int) WITH (fillfactor = 70)"
    )
    await connection.execute("INSERT INTO floor SELECT n, 0 FROM generate_series(0, $1) AS n", ROWS)
    floor = Floor(connection)
    writing = asyncio.create_task(floor.write())
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        floor, http="httptools", loop="none", lifespan="off", access_log=False, log_config=None
    )
    tune_gc()
    await uvicorn.Server(config).serve(sockets=[listening])
    writing.cancel()


async def echo(bootstrap: str) -> None:
    """Send every request back."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(each.topic, 1, 1) for each in (REQUESTS, REPLIES)])
    await admin.close()
    consumer, producer = await _opened(bootstrap, REQUESTS)
    print("ready", flush=True)
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                await producer.send(REPLIES.topic, record.value, partition=0)


async def ask(bootstrap: str, plan: dict[str, Any]) -> dict[str, Any]:
    """`connections` requests under way for `seconds`; latencies as the client's."""
    consumer, producer = await _opened(bootstrap, REPLIES)
    waiting: dict[int, asyncio.Future[None]] = {}
    numbers, latencies = count(), list[float]()
    reading = asyncio.create_task(_settle(consumer, waiting))

    async def one() -> None:
        number = next(numbers)
        began = time.perf_counter()
        done = waiting[number] = asyncio.get_running_loop().create_future()
        await producer.send(REQUESTS.topic, b"%d %s" % (number, PADDING), partition=0)
        await done
        latencies.append(time.perf_counter() - began)

    async def keep_asking(until: float) -> None:
        while time.perf_counter() < until:
            await one()

    async def all_for(seconds: float) -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(keep_asking(until) for _ in range(plan["connections"])))

    await all_for(plan["warm_seconds"])
    latencies.clear()
    before, began = cpu_seconds(plan["watched"]), time.perf_counter()
    await all_for(plan["seconds"])
    took, after = time.perf_counter() - began, cpu_seconds(plan["watched"])
    reading.cancel()
    await consumer.stop()
    await producer.stop()
    ordered = sorted(latencies)
    return {
        "answers": len(ordered),
        "seconds": took,
        "rate": len(ordered) / took,
        "statuses": {},
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
        "max_ms": ordered[-1] * 1e3,
        "cpu": {name: after[name] - value for name, value in before.items()},
    }


async def _settle(consumer: AIOKafkaConsumer, waiting: dict[int, asyncio.Future[None]]) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                value: bytes = record.value or b""
                waiter = waiting.pop(int(value.partition(b" ")[0]), None)
                if waiter is not None:
                    waiter.set_result(None)


async def _opened(
    bootstrap: str, place: TopicPartition
) -> tuple[AIOKafkaConsumer, AIOKafkaProducer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="latest")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()
    consumer.assign([place])
    await consumer.seek_to_end(place)
    return consumer, producer


if __name__ == "__main__":
    kind, address = sys.argv[1:3]
    if kind == "http":
        uvloop.run(serve(address))
    elif kind == "echo":
        uvloop.run(echo(address))
    else:
        answer = uvloop.run(ask(address, orjson.loads(sys.stdin.buffer.read())))
        sys.stdout.buffer.write(orjson.dumps(answer))
