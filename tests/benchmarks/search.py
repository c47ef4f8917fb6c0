"""How long searches over a big worklist take: ``python -m tests.benchmarks.search [ROWS]``.

Each usual search runs 40 times against a real PostgreSQL with a million tasks; the aim is a p99 of
50 ms. What is measured is what a gateway does: the page and, where it is full, the count.
"""

import asyncio
import sys
from time import perf_counter

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.reads.postgres import PostgresReads
from signoff_schemas.ids import DEFAULT_TENANT
from tests.support.backends import Databases, postgres_backend
from tests.support.worklist import fill_worklist, usual_queries

ROWS = 1_000_000
TIMES = 40
AIM_MS = 50.0


async def measure(dsn: str, rows: int) -> bool:
    """Print a line a search; whether all kept the aim."""
    reads = await PostgresReads.open(dsn, query_seconds=60)
    kept = True
    print(f"{'search':30}{'total':>8}{'p50 ms':>9}{'p99 ms':>9}")
    try:
        for name, query in usual_queries(rows).items():
            took: list[float] = []
            total = 0
            for _ in range(TIMES):
                began = perf_counter()
                found = await reads.search_work(query, (DEFAULT_TENANT,))
                took.append((perf_counter() - began) * 1000)
                total = found.total
            took.sort()
            p99 = took[int(0.99 * TIMES)]
            kept = kept and p99 <= AIM_MS
            print(f"{name:30}{total:>8}{took[TIMES // 2]:>9.1f}{p99:>9.1f}", flush=True)
    finally:
        await reads.close()
    return kept


async def _run(server: str, rows: int) -> bool:
    databases = Databases(server)
    try:
        dsn = await databases.fresh(migrate)
        began = perf_counter()
        await fill_worklist(dsn, rows)
        print(f"{rows} tasks made in {perf_counter() - began:.0f} s", flush=True)
        return await measure(dsn, rows)
    finally:
        await databases.drop_all()


def main() -> None:
    """Exit code 1 if a search misses the aim."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with postgres_backend() as server:
        sys.exit(not asyncio.run(_run(server, rows)))


if __name__ == "__main__":
    main()
