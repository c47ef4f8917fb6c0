"""How long searches over a big worklist take: ``python -m tests.benchmarks.search [ROWS]``.

Each usual search runs 100 times against a real PostgreSQL with a million tasks; the aim is a p99 of
50 ms. What is measured is all that a gateway does. Before each search two others are put that cost
next to nothing, ``SELECT 1`` and one row by its key: what these take is the noise of the machine.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import asyncpg

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads.postgres import PostgresReads
from signoff_gateway.reads.work import WorkQuery
from signoff_process.postgres_server import PostgresServer
from signoff_schemas.ids import DEFAULT_TENANT
from tests.support.backends import Databases, postgres_backend, with_database
from tests.support.worklist import fill_worklist, usual_queries

ROWS = 1_000_000
TIMES = 100
AIM_MS = 50.0
_DATABASE = "worklist"


class Bench:
    """Searches and, between them, what costs nothing."""

    def __init__(self, reads: PostgresReads, connection: asyncpg.Connection, rows: int) -> None:
        self._reads = reads
        self._connection = connection
        self._queries = usual_queries(rows)

    async def measure(self, times: int, only: str) -> bool:
        """Print a line a search; whether all kept the aim."""
        print("| search | total | p50 ms | p99 ms | `SELECT 1` p50, p99 | by key p50, p99 |")
        print("|---|---|---|---|---|---|", flush=True)
        missed = [
            name
            for name, query in self._queries.items()
            if only in name and not await self._line(name, query, times)
        ]
        print(f"missed by {len(missed)}: {', '.join(missed)}")
        return not missed

    async def _line(self, name: str, query: WorkQuery, times: int) -> bool:
        total = 0
        floors, lookups, searches = list[float](), list[float](), list[float]()
        for _ in range(times):
            floors.append(await _took(lambda: self._connection.fetchval("SELECT 1")))
            lookups.append(await _took(self._one_row))
            began = perf_counter()
            total = (await self._reads.search_work(query, (DEFAULT_TENANT,))).total
            searches.append((perf_counter() - began) * 1000)
        p50, p99 = _percentiles(searches)
        beside = " | ".join("{:.2f}, {:.2f}".format(*_percentiles(t)) for t in (floors, lookups))
        print(f"| {name} | {total} | {p50:.1f} | {p99:.1f} | {beside} |", flush=True)
        return p99 <= AIM_MS

    async def _one_row(self) -> object:
        return await self._connection.fetchrow("SELECT * FROM worklist WHERE key = $1", 1 << 51)


async def _took(work: Callable[[], Awaitable[object]]) -> float:
    began = perf_counter()
    await work()
    return (perf_counter() - began) * 1000


def _percentiles(took: list[float]) -> tuple[float, float]:
    """p50 and p99, by nearest rank."""
    took.sort()
    return took[(len(took) - 1) // 2], took[-(-len(took) * 99 // 100) - 1]


async def _run(dsn: str, arguments: argparse.Namespace, *, is_new: bool) -> bool:
    if is_new:
        began = perf_counter()
        await fill_worklist(dsn, arguments.rows)
        print(f"{arguments.rows} tasks made in {perf_counter() - began:.0f} s", flush=True)
    reads = await PostgresReads.open(dsn, query_seconds=60)
    connection = await asyncpg.connect(dsn)
    try:
        bench = Bench(reads, connection, arguments.rows)
        return await bench.measure(arguments.times, arguments.only)
    finally:
        await connection.close()
        await reads.close()


async def _run_once(server: str, arguments: argparse.Namespace) -> bool:
    databases = Databases(server)
    try:
        return await _run(await databases.fresh(migrate), arguments, is_new=True)
    finally:
        await databases.drop_all()


async def _run_again(server: str, arguments: argparse.Namespace) -> bool:
    """On the database of an earlier run, if there is one."""
    dsn, connection = with_database(server, _DATABASE), await asyncpg.connect(server)
    try:
        known = "SELECT 1 FROM pg_database WHERE datname = $1"
        is_new = await connection.fetchval(known, _DATABASE) is None
        if is_new:
            await connection.execute(f"CREATE DATABASE {_DATABASE}")
            await migrate(dsn)
    finally:
        await connection.close()
    return await _run(dsn, arguments, is_new=is_new)


@contextmanager
def _kept_server(home: Path) -> Generator[str]:
    server = PostgresServer(home)
    asyncio.run(server.start())
    try:
        yield server.dsn
    finally:
        asyncio.run(server.stop())


def main() -> None:
    """Exit code 1 if a search misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--times", type=int, default=TIMES, help="how often each search runs")
    parser.add_argument("--only", default="", help="only searches with this in their names")
    parser.add_argument("--data", type=Path, help="where to keep the tasks for another run")
    arguments = parser.parse_args()
    if arguments.data is None:
        with postgres_backend() as server:
            kept = asyncio.run(_run_once(server, arguments))
    else:
        with _kept_server(arguments.data) as server:
            kept = asyncio.run(_run_again(server, arguments))
    sys.exit(not kept)


if __name__ == "__main__":
    main()
