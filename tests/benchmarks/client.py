"""A lean load client: reads a plan from stdin, follows it, prints what it saw as JSON.

Closed loop: every connection has one request under way. Hand-written HTTP on uvloop, because the
client shares two cores with what it measures. Each answer's status is counted. Claims and releases
come to each task once; what is measured then ends with the first connection that has no task left.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import orjson
import uvloop

from signoff_schemas.ids import uuid_of
from tests.benchmarks.usage import cpu_seconds

PRIORITIES = 90


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete."""

    def __init__(self, run: "Run", number: int) -> None:
        self._run = run
        self._requests = run.requests[number :: run.connections] or run.requests
        self._turn = number
        self._left = len(self._requests) if run.once else -1
        self._received = b""
        self._sent_at = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        size = _answer_size(received)
        if not size or len(received) < size:
            self._received = received
            return
        assert len(received) == size, "an answer to nothing"
        self._received = b""
        goes_on = self._run.saw(received[9:12], self._sent_at)
        if not self._left:
            self._run.ran_out()
        elif goes_on:
            self._send()
            return
        assert self._transport is not None
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._run.lost()

    def _send(self) -> None:
        assert self._transport is not None
        self._turn += 1
        self._left -= 1
        head, tail = self._requests[self._turn % len(self._requests)]
        self._sent_at = time.perf_counter_ns()
        number = b"%d" % (10 + self._turn % PRIORITIES) if tail else b""
        self._transport.write(head + number + tail)


def _answer_size(received: bytes) -> int:
    """Bytes of the whole answer; 0 while its head is incomplete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = received.lower().find(b"content-length:", 0, end)
    return end + 4 + (int(received[at + 15 : received.index(b"\r", at)]) if at > 0 else 0)


class Run:
    """One measurement: `connections` for `seconds`, or until `count` answers, after a warm-up."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.connections: int = plan["connections"]
        verb: str = plan["verb"]
        self.once = verb != "update"
        request = _once(plan, verb) if self.once else _update(plan)
        self.requests = [request(each) for each in plan["tasks"]]
        self._plan = plan
        self._warm_until = time.perf_counter_ns() + int(plan["warm_seconds"] * 1e9)
        self._count: int = plan.get("count", 0)
        self._latencies: list[int] = []
        self._statuses: Counter[str] = Counter()
        self._began = self._ends = 0
        self._cpu: dict[str, float] = {}
        self._cpu_after: dict[str, float] = {}
        self._open = self.connections
        self._over = asyncio.Event()

    async def __call__(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        for number in range(self.connections):
            await loop.create_connection(
                partial(Connection, self, number), "127.0.0.1", self._plan["port"]
            )
        await self._over.wait()
        seconds = (self._ends - self._began) / 1e9
        return {
            "answers": len(self._latencies),
            "seconds": seconds,
            "rate": len(self._latencies) / seconds,
            "statuses": self._statuses,
            "p50_ms": _quantile(self._latencies, 0.5),
            "p99_ms": _quantile(self._latencies, 0.99),
            "max_ms": max(self._latencies, default=0) / 1e6,
            "cpu": {name: self._cpu_after[name] - before for name, before in self._cpu.items()},
        }

    def saw(self, status: bytes, sent_at: int) -> bool:
        """Note an answer. Returns whether to go on."""
        self._statuses[status.decode()] += 1
        now = time.perf_counter_ns()
        if not self._began:
            if now < self._warm_until and not self.once:
                return True
            self._cpu = cpu_seconds(self._plan["watched"])
            self._began = time.perf_counter_ns()
            return True
        if self._ends:
            return self.once
        if sent_at >= self._began:
            self._latencies.append(now - sent_at)
        enough = len(self._latencies) >= self._count if self._count else False
        late = now - self._began >= self._plan["seconds"] * 1e9
        if not self.once and (enough or (late and not self._count)):
            self._end(now)
            return False
        return True

    def ran_out(self) -> None:
        """A connection has no task left."""
        if not self._ends:
            self._end(time.perf_counter_ns())

    def _end(self, now: int) -> None:
        self._ends = now
        self._cpu_after = cpu_seconds(self._plan["watched"])

    def lost(self) -> None:
        """A connection has ended, by us or by the server."""
        self._open -= 1
        if not self._ends:
            raise SystemExit("the server closed a connection")
        if not self._open:
            self._over.set()


def _update(plan: dict[str, Any]) -> Callable[[str], tuple[bytes, bytes]]:
    """A PATCH of a task, cut in two where the new priority (two digits) goes."""
    body = b'{"changeset":{"priority":', b"}}"

    def request(task: str) -> tuple[bytes, bytes]:
        head = (
            f"PATCH /v2/user-tasks/{task} HTTP/1.1\r\nhost: 127.0.0.1:{plan['port']}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(b''.join(body)) + 2}\r\n\r\n"
        )
        return head.encode() + body[0], body[1]

    return request


def _once(plan: dict[str, Any], verb: str) -> Callable[[str], tuple[bytes, bytes]]:
    """A claim or a release of a task: nothing in it changes."""

    def request(task: str) -> tuple[bytes, bytes]:
        path = f"/api/human/tasks/{uuid_of(int(task))}/{verb}"
        query = "?withTemplate=false" if verb == "claim" else ""
        head = (
            f"POST {path}{query} HTTP/1.1\r\nhost: 127.0.0.1:{plan['port']}\r\n"
            "content-length: 0\r\n\r\n"
        )
        return head.encode(), b""

    return request


def _quantile(values: list[int], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6 if ordered else 0.0


if __name__ == "__main__":
    found = uvloop.run(Run(orjson.loads(sys.stdin.buffer.read()))())
    sys.stdout.buffer.write(orjson.dumps(found))
