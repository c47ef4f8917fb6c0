"""The PostgreSQL and the Kafka that tests talk to, one of each per session.

In this order: an address in the environment (`SIGNOFF_TEST_DATABASE_URL`, `SIGNOFF_TEST_KAFKA`), a
Docker engine through testcontainers, and our own servers. Where none of them works, tests that need
one are skipped with the reasons, and fail in CI.
"""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from signoff_process.kafka_server import KafkaServer, KafkaServerError
from signoff_process.postgres_server import PostgresServer, PostgresServerError

DATABASE_URL = "SIGNOFF_TEST_DATABASE_URL"
KAFKA = "SIGNOFF_TEST_KAFKA"
POSTGRES_IMAGE = "postgres:18-alpine"
# What a machine that loses power would keep is nothing that a test could see, and it costs most.
POSTGRES_SETTINGS = {
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # statistics that come at some moment would change plans
}
KAFKA_IMAGE = "apache/kafka:4.1.1"

Migrate = Callable[[str], Awaitable[object]]
"""Brings the database at a DSN to the current schema."""


@contextmanager
def postgres_backend() -> Generator[str]:
    """The DSN of a server on which databases may be created."""
    if address := os.environ.get(DATABASE_URL):
        yield address
    elif docker_answers():
        with _postgres_container() as address:
            yield address
    else:
        with _home("signoff-test-postgres-") as home:
            server = PostgresServer(home, settings=POSTGRES_SETTINGS)
            try:
                asyncio.run(server.start())
            except PostgresServerError as error:
                missing("PostgreSQL", str(error), DATABASE_URL)
            try:
                yield server.dsn
            finally:
                asyncio.run(server.stop())


@contextmanager
def kafka_backend() -> Generator[str]:
    """The bootstrap address of a Kafka on which topics may be created."""
    if address := os.environ.get(KAFKA):
        yield address
    elif docker_answers():
        with _kafka_container() as address:
            yield address
    else:
        with _home("signoff-test-kafka-") as home:
            server = KafkaServer(home)
            try:
                asyncio.run(server.start())
            except KafkaServerError as error:
                missing("Kafka", str(error), KAFKA)
            try:
                yield server.bootstrap
            finally:
                asyncio.run(server.stop())


def missing(what: str, why: str, variable: str) -> None:
    """Skip for want of a backend; in CI, where it is supposed to be there, fail."""
    reason = f"no {what} (set {variable}, or start Docker): {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def docker_answers() -> bool:
    """Whether a Docker engine is running here; asked by hand, as its client leaks a socket."""
    host = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    tcp = host.scheme != "unix"
    address = (host.hostname, host.port or 2375) if tcp else host.path
    with socket.socket(socket.AF_INET if tcp else socket.AF_UNIX) as connection:
        connection.settimeout(3)
        try:
            connection.connect(address)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


class Databases:
    """Fresh databases on one server, copied from a template that was migrated once.

    One that is given back is emptied for the next test, in a tenth of the time that a copy takes.
    """

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self._numbers = count(1)
        self._templates: dict[str, _Template] = {}
        self._made: dict[str, _Template | None] = {}

    async def fresh(self, migrate: Migrate | None = None) -> str:
        """The DSN of a new database: empty, or as `migrate` makes it."""
        if migrate is None:
            return await self._create("template1")
        name = f"{migrate.__module__}.{migrate.__qualname__}"
        if name not in self._templates:
            dsn = await self._create("template1")
            await migrate(dsn)
            self._templates[name] = await _Template.of(dsn)
        template = self._templates[name]
        return template.spare.pop() if template.spare else await self._create(template)

    async def give_back(self, dsn: str) -> None:
        """Take back a database, whoever is still connected."""
        template = self._made[_database_of(dsn)]
        if template is not None and await template.restored(dsn):
            template.spare.append(dsn)
        else:
            await self.drop(dsn)

    async def drop(self, dsn: str) -> None:
        """Remove a database, whoever is still connected."""
        name = _database_of(dsn)
        await self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.pop(name, None)

    async def drop_all(self) -> None:
        """Remove every database that this made, templates too."""
        for name in tuple(self._made):
            await self.drop(with_database(self._server_dsn, name))

    async def _create(self, template: "_Template | str") -> str:
        name = f"signoff_test_{os.getpid()}_{next(self._numbers)}"
        source = template if isinstance(template, str) else template.database
        # The checkpoint that goes with it costs little where nothing is synced.
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY file_copy')
        self._made[name] = None if isinstance(template, str) else template
        return with_database(self._server_dsn, name)

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class _Template:
    """A migrated database: copied, and what makes a copy like it again."""

    def __init__(self, database: str, restore: str) -> None:
        self.database = database
        self.spare: list[str] = []
        self._restore = restore

    @classmethod
    async def of(cls, dsn: str) -> Self:
        connection = await asyncpg.connect(dsn)
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            statements = [f"DELETE FROM {table}" for table in tables]
            for table in tables:
                rows = await connection.fetchval(f"SELECT json_agg(t)::text FROM {table} AS t")
                if rows is not None:
                    quoted = rows.replace("'", "''")
                    source = f"json_populate_recordset(NULL::{table}, '{quoted}')"
                    statements.append(f"INSERT INTO {table} SELECT * FROM {source}")
        finally:
            await connection.close()
        return cls(_database_of(dsn), ";".join(statements))

    async def restored(self, dsn: str) -> bool:
        """Make a copy as it was, unless so much was in it that searches would feel what is left."""
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_OTHERS_END)
            if await connection.fetchval(_SIZE) > _SIZE_MAX:
                return False
            await connection.execute(self._restore)
        finally:
            await connection.close()
        return True


_SIZE_MAX = 20 * 1024 * 1024
"""Bytes of a database; one of which nothing is used has some eight million."""
_SIZE = "SELECT pg_database_size(current_database())"
# What others refer to goes last.
_TABLES = """
SELECT oid::regclass::text FROM pg_class AS c
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = c.oid)
"""
_OTHERS_END = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def with_database(dsn: str, database: str) -> str:
    """The same server's address with another database."""
    # Not _replace alone: an empty host must keep its slashes.
    parts = urlsplit(dsn)
    return f"{parts.scheme}://{parts.netloc}" + urlunsplit(
        ("", "", f"/{database}", parts.query, "")
    )


def _database_of(dsn: str) -> str:
    return urlsplit(dsn).path.lstrip("/")


@contextmanager
def _home(prefix: str) -> Generator[Path]:
    home = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _postgres_container() -> Generator[str]:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - only with Docker

    options = " ".join(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items())
    container = PostgresContainer(POSTGRES_IMAGE, driver=None).with_command(f"postgres {options}")
    with container:
        yield container.get_connection_url()


@contextmanager
def _kafka_container() -> Generator[str]:
    from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - only with Docker

    container = KafkaContainer(KAFKA_IMAGE).with_kraft()
    with suppress(AttributeError):
        container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    with container:
        yield container.get_bootstrap_server()
