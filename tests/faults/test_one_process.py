"""`signoff dev` is killed, with its PostgreSQL: what it acknowledged is there when it is back."""

import os
import signal
from collections.abc import AsyncIterator

import pytest

from signoff_load.traffic import Traffic
from tests.support.load import KINDS, Report, assert_kept, kills, load, some_moment, summary
from tests.support.processes import all_ended, processes_with, stopwatch, until
from tests.support.stack import IMPATIENT, Dev, home

pytestmark = [pytest.mark.faults, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture
async def dev() -> AsyncIterator[Dev]:
    with home("dev") as folder:
        made = Dev(folder, IMPATIENT)
        await made.start()
        yield made
        await made.process.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_every_acknowledged_change_outlives_kill_9(
    dev: Dev, kind: type[Traffic], report: Report
) -> None:
    back: list[float] = []
    async with load([dev.url], kind=kind) as traffic:
        for turn in range(kills(20)):
            await some_moment()
            postgres = dev.postgres_pid
            if turn % 2:
                # Before anyone else hears of it: no clean shutdown of the database either.
                os.kill(postgres, signal.SIGKILL)
            await dev.process.kill()
            back.append(await dev.start())
    history = await assert_kept(traffic, dev.database_url)
    report(f"{len(back)} kills, back within {max(back):.2f} s at worst; {summary(history)}")


async def test_kill_9_leaves_no_postgresql(dev: Dev) -> None:
    postgres = dev.postgres_pid
    await dev.process.kill()
    assert await all_ended([postgres], 20) == []
    await until(lambda: processes_with(dev.folder) == [], 20, "nothing of it runs")


async def test_ctrl_c_ends_it_within_five_seconds_under_load(dev: Dev, report: Report) -> None:
    async with load([dev.url]) as traffic:
        await some_moment()
        async with stopwatch() as watch:
            dev.process.send(signal.SIGINT)
            code = await dev.process.wait()
            took = watch.seconds
        assert processes_with(dev.folder) == []
        again = await dev.start()
    assert code == 0, dev.process.written()
    assert took < 5
    history = await assert_kept(traffic, dev.database_url)
    report(f"ended in {took:.2f} s, ready again in {again:.2f} s; {summary(history)}")
    # Alone on a quiet machine: less than 3 s.
    assert again < 10, "a second start finds its data at once"
