"""The schema: numbered files, forward only, applied under an advisory lock and never edited.

Any number of processes may start at once: one migrates while the others wait for the lock, and then
find nothing to do. What was applied is on record with its checksum, so that an edited file is
refused instead of being half true. A schema that is newer than this release is tolerated: files are
written so that the running release survives them (expand, deploy, contract).
"""

import hashlib
from importlib.resources import files
from typing import Final

from signoff_broker.ports import StoreError, StoreUnavailable
from signoff_broker.postgres import queries
from signoff_broker.postgres.session import FAILURES, Connection, close_quietly, connect, meaning
from signoff_schemas.frozen import frozen

# A migration of big tables takes its time.
MIGRATION_SECONDS: Final = 3600.0


class SchemaError(StoreError):
    """The database's schema is not what this release needs."""


@frozen
class Migration:
    """One numbered file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Of the text, as it is recorded."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All that this release has, in order."""
    found = [
        Migration(int(file.name.partition("_")[0]), file.name, file.read_text("utf-8"))
        for file in (files("signoff_broker.postgres") / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda each: each.number)


async def migrate(dsn: str) -> list[str]:
    """Bring the schema up to this release; what was applied is returned by file name.

    Each file is one transaction. Raises: SchemaError (an applied file was edited or is unknown to
    this release's past), StoreUnavailable, StoreError (a statement of it fails).
    """
    connection = await connect(dsn, "signoff:migrate", MIGRATION_SECONDS)
    try:
        await connection.execute(queries.LOCK_MIGRATIONS, timeout=MIGRATION_SECONDS)
        await connection.execute(queries.ENSURE_MIGRATIONS_TABLE)
        missing = _missing(await _applied(connection))
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.text, timeout=MIGRATION_SECONDS)
                await connection.execute(
                    queries.RECORD_MIGRATION,
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
    except FAILURES as error:
        raise meaning(error) from error
    finally:
        await close_quietly(connection)
    return [migration.name for migration in missing]


async def verify_schema(dsn: str) -> None:
    """Raises: SchemaError if ``migrate`` has to run first, StoreUnavailable."""
    connection = await connect(dsn, "signoff:verify")
    try:
        exists = await connection.fetchval(queries.MIGRATIONS_TABLE_EXISTS)
        missing = _missing(await _applied(connection) if exists else {})
    except FAILURES as error:
        raise StoreUnavailable(str(meaning(error))) from error
    finally:
        await close_quietly(connection)
    if missing:
        names = ", ".join(migration.name for migration in missing)
        raise SchemaError(f"the database lacks {names}: run `signoff migrate`")


async def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    found = await connection.fetch(queries.APPLIED_MIGRATIONS)
    return {number: (name, checksum) for number, name, checksum in found}


def _missing(applied: dict[int, tuple[str, str]]) -> list[Migration]:
    missing: list[Migration] = []
    for migration in migrations():
        recorded = applied.get(migration.number)
        if recorded is None:
            missing.append(migration)
        elif recorded[1] != migration.checksum:
            raise SchemaError(
                f"{migration.name} is not the file that was applied here as {recorded[0]}:"
                " another build made this database; run that one, or use another database"
            )
    return missing
