"""Commands that need a database, a Kafka or a port: what they say, well or not."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from signoff_process.directory import take
from tests.cli.commands import local, signoff
from tests.support.processes import Process, processes_with, until
from tests.support.stack import Dev, home

pytestmark = pytest.mark.timeout(600)

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def folder() -> Iterator[Path]:
    with home("cli") as made:
        yield made


async def test_migrate_applies_the_schema_once(empty_database: str) -> None:
    first = signoff("migrate", SIGNOFF_DATABASE_URL=empty_database)
    second = signoff("migrate", SIGNOFF_DATABASE_URL=empty_database)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "applied: 0001_state" in first.stdout
    assert "the schema is up to date" in second.stdout


@pytest.mark.parametrize("command", ["migrate", "gateway", "broker"])
def test_a_missing_address_is_named(command: str) -> None:
    done = signoff(command, SIGNOFF_PORT="0", SIGNOFF_BROKER_PORT="0")

    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "SIGNOFF_DATABASE_URL is needed" in said or "SIGNOFF_KAFKA is needed" in said
    assert "Traceback" not in said


def test_migrate_says_that_the_database_cannot_be_reached() -> None:
    done = signoff("migrate", SIGNOFF_DATABASE_URL=NOWHERE)

    assert done.returncode == 1
    assert "cannot_migrate" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


async def test_check_has_a_line_for_each_thing_that_must_be_there(
    empty_database: str, kafka_bootstrap: str
) -> None:
    addresses = {"SIGNOFF_DATABASE_URL": empty_database, "SIGNOFF_KAFKA": kafka_bootstrap}

    before = signoff("check", **addresses)
    signoff("migrate", **addresses)
    after = signoff("check", **addresses)

    assert before.returncode == 1
    assert "failed  PostgreSQL and its schema" in before.stdout
    assert after.returncode == 0, after.stdout
    assert after.stdout.splitlines() == [
        "ok      who may call",
        "ok      PostgreSQL and its schema",
        "ok      Kafka and its topics",
    ]


def test_check_says_what_cannot_be_reached() -> None:
    done = signoff("check", SIGNOFF_DATABASE_URL=NOWHERE, SIGNOFF_KAFKA="127.0.0.1:1")

    assert done.returncode == 1
    assert "failed  PostgreSQL and its schema: " in done.stdout
    assert "failed  Kafka and its topics: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["dev", "gateway", "broker"])
def test_a_port_that_is_taken_is_named(folder: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = signoff(
            command,
            SIGNOFF_DATA=str(folder),
            SIGNOFF_PORT=port,
            SIGNOFF_BROKER_PORT=port,
            **(
                {}
                if command == "dev"
                else {"SIGNOFF_DATABASE_URL": NOWHERE, "SIGNOFF_KAFKA": "x:1"}
            ),
        )

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.system
async def test_a_second_product_on_the_same_data_is_refused(folder: Path) -> None:
    dev = Dev(folder, {})
    await dev.start()
    try:
        second = signoff("dev", "--no-demo", "--data", str(folder / "data"), "--port", "0")
        again = Dev(folder, {})

        assert second.returncode == 1
        assert "is in use by another running Signoff" in second.stdout + second.stderr
        assert "Traceback" not in second.stdout + second.stderr
        assert dev.process.runs
    finally:
        await dev.process.stop()
    try:
        await again.start()
    finally:
        await again.process.stop()


def test_a_second_stack_leaves_the_first_ones_list_alone(folder: Path) -> None:
    with take(folder / "stack"):
        listed = folder / "stack" / "stack.json"
        listed.write_text("{}")

        second = local("--data", str(folder / "stack"), "--port", "0")

        assert (second.returncode, listed.read_text()) == (1, "{}")
        assert "is in use by another running Signoff" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_stack_on_ports_that_are_taken_is_refused_before_it_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = local("--data", str(folder / "stack"), "--port", str(port))

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert not (folder / "stack").exists()


@pytest.mark.system
@pytest.mark.parametrize("seconds", [0.2, 0.8, 1.4, 2.2])
async def test_ctrl_c_while_it_starts_ends_everything(folder: Path, seconds: float) -> None:
    """Wherever the start is by then: imports, initdb, the migration, or the first answer."""
    data = folder / "data"
    arguments = ["signoff", "dev", "--data", str(data), "--port", "0"]
    process = Process(arguments, {}, folder / "dev.log")
    process.start()

    await asyncio.sleep(seconds)
    process.send(signal.SIGINT)
    async with asyncio.timeout(60):
        code = await process.wait()

    said = process.written()
    # Python itself ends with 1 while it has not begun with our code.
    assert code in {0, 130, -signal.SIGINT} or "Fatal Python error: init" in said, said
    if code == 0:
        assert "Traceback" not in said
    await until(lambda: processes_with(data) == [], 30, "nothing of it runs")
    again = Dev(folder, {})
    await again.start()
    await again.process.stop()


@pytest.mark.system
async def test_ctrl_c_ends_it_with_success_and_the_data_stays(folder: Path) -> None:
    dev = Dev(folder, {})
    await dev.start()

    dev.process.send(signal.SIGINT)

    assert await dev.process.wait() == 0
    assert "stopped; the data stays" in dev.process.written()
    await until(lambda: processes_with(folder / "data") == [], 30, "nothing of it runs")


@pytest.mark.system
async def test_the_demo_prints_lines_that_work(folder: Path) -> None:
    """What `signoff dev` shows can be copied to a shell as it stands."""
    arguments = ["signoff", "dev", "--data", str(folder / "data"), "--port", "0"]
    process = Process(arguments, {"SIGNOFF_REQUEST_TIMEOUT": "5"}, folder / "dev.log")
    process.start()
    try:
        await until(lambda: "# a task of the demo" in process.written(), 120, "its lines")
        lines = [
            line for line in process.written().splitlines() if line.startswith("curl -i -X PATCH")
        ]
        answers = [await typed(line) for line in lines]
    finally:
        await process.stop()

    assert [answer.split()[1] for answer in answers] == ["204", "409", "504"]


async def typed(line: str) -> str:
    shell = await asyncio.create_subprocess_shell(
        line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await shell.communicate()
    return output.decode()
