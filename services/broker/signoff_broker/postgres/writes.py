"""A batch as statements and their arguments: pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, TypeVar

from signoff_broker.ports import Assumption, Batch
from signoff_broker.postgres import queries, rows, settings_rows, step_rows
from signoff_schemas.ids import key_of
from signoff_schemas.process_events import (
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
    SettingsEvent,
)

Row = tuple[object, ...]
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Claim:
    """Under which name a partition is held."""

    dsn: str
    partition: int
    owner: str
    epoch: int

    @property
    def fence(self) -> Row:
        """What must still be true when a commit ends."""
        return (self.partition, self.owner, self.epoch)


@dataclass(frozen=True, slots=True)
class Write:
    """One statement of a commit."""

    statement: str
    arguments: Sequence[object]
    expected: str = ""
    """The command tag that it must end with, where fewer rows would mean a lost change."""


@dataclass(frozen=True, slots=True)
class Writes:
    """A batch: most have nothing but the end."""

    first: Sequence[Write]
    finish: Write
    """Updates tasks, writes jobs, appends steps and checks the fence."""


@dataclass(frozen=True, slots=True)
class _Table(Generic[E]):
    insert: str
    update: str
    insert_row: Callable[[E], Row]
    update_row: Callable[[E], Row]

    def writes(self, partition: int, newest_key: int, entities: Mapping[int, E]) -> Iterator[Write]:
        """New entities are inserted whole; of known ones what can change is updated."""
        if not entities:
            return
        if new := [self.insert_row(each) for key, each in entities.items() if key > newest_key]:
            yield Write(self.insert, (partition, *_columns(new)))
        if old := [self.update_row(each) for key, each in entities.items() if key <= newest_key]:
            yield Write(self.update, _columns(old), f"UPDATE {len(old)}")


_PROCESSES: Final = _Table(
    queries.INSERT_PROCESSES, queries.UPDATE_PROCESSES, rows.process_insert, rows.process_update
)
_JOBS: Final = _Table(queries.INSERT_JOBS, queries.UPDATE_JOBS, rows.job_insert, rows.job_update)
_INCIDENTS: Final = _Table(
    queries.INSERT_INCIDENTS, queries.UPDATE_INCIDENTS, rows.incident_insert, rows.incident_update
)
_VARIABLES: Final = _Table(
    queries.INSERT_VARIABLES, queries.UPDATE_VARIABLES, rows.variable_insert, rows.variable_update
)
_NO_TASKS: Final = ((),) * rows.TASK_UPDATE_COLUMNS
_NO_STEPS: Final = ((),) * step_rows.STEP_COLUMNS
_NOTHING_ASSUMED: Final = ((), None)
_FINISH_PARAMETERS: Final = 3 + rows.TASK_UPDATE_COLUMNS + step_rows.STEP_COLUMNS + 2
_PARAMETER: Final = re.compile(r"\$(\d+)")


def writes_of(batch: Batch, claim: Claim, last_key: int) -> Writes:
    """All that a batch writes: one statement a table and verb, only for what was touched.

    Entities whose counter is above ``last_key``, the last that was committed before, are new.
    Raises: TypeError or ValueError for a value that cannot be encoded.
    """
    partition, newest = claim.partition, key_of(claim.partition, last_key)
    first = [
        *_PROCESSES.writes(partition, newest, batch.processes),
        *_INCIDENTS.writes(partition, newest, batch.incidents),
        *_VARIABLES.writes(partition, newest, batch.variables),
        *(_settings_write(event) for event in batch.settings),
    ]
    if batch.settings:
        first.append(Write(queries.BUMP_SETTINGS, (len(batch.settings),)))
    if new := [rows.task_insert(task) for key, task in batch.tasks.items() if key > newest]:
        first.append(Write(queries.INSERT_TASKS, (partition, *_columns(new))))
    old = [rows.task_update(task) for key, task in batch.tasks.items() if key <= newest]
    steps = [step_rows.step_insert(step) for step in batch.steps]
    finish: list[object] = [*claim.fence]
    finish += _columns(old) if old else _NO_TASKS
    finish += _columns(steps) if steps else _NO_STEPS
    finish += _assumed(batch.assumed) if batch.assumed else _NOTHING_ASSUMED
    jobs = list(_JOBS.writes(partition, newest, batch.jobs))
    return Writes(first, _with_jobs(finish, jobs) if jobs else Write(queries.FINISH_COMMIT, finish))


def _assumed(assumed: Assumption) -> Row:
    # What cannot be stored is not on record, and is never stepped either.
    ids = [each for each in assumed.command_ids if storable(each)]
    return (ids, assumed.settings_version)


def storable(text: str) -> bool:
    """Whether PostgreSQL can have the text at all: no NUL, no lone surrogate."""
    if "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _columns(table: Sequence[Row]) -> Row:
    """The columns of some rows. What is NULL in all of them costs nothing: ``unnest`` fills up."""
    count = len(table)
    return tuple(
        () if column[0] is None and column.count(None) == count else column
        for column in zip(*table, strict=True)
    )


def _with_jobs(finish: list[object], jobs: Sequence[Write]) -> Write:
    """The last statement, with what happens to jobs in it: three round trips fewer."""
    for each in jobs:
        # The partition is there already, as the first parameter of all.
        finish += each.arguments if each.expected else each.arguments[1:]
    return Write(
        _finish_with(tuple((each.statement, bool(each.expected)) for each in jobs)), finish
    )


@cache
def _finish_with(writes: Iterable[tuple[str, bool]]) -> str:
    """FINISH_COMMIT with further inserts and updates; of the latter, every row must be there."""
    ahead = _FINISH_PARAMETERS
    parts, counts = "", ""
    for number, (statement, is_update) in enumerate(writes):
        kept = 0 if is_update else 1
        text = _renumbered(statement, kept, ahead - kept)
        if is_update:
            text += " RETURNING 1"
            count = f"(SELECT count(*) FROM write_{number})"  # noqa: S608 - a number of ours
            counts += f" * ({count} = cardinality(${ahead + 1}::bigint[]))::int"
        parts += f", write_{number} AS ({text})"
        ahead += len(set(_PARAMETER.findall(statement))) - kept
    return queries.FINISH_COMMIT.replace("/* writes */", parts).replace("/* counts */", counts)


def _renumbered(statement: str, kept: int, shift: int) -> str:
    """With all parameters but the first ``kept`` counted from further on."""

    def shifted(parameter: re.Match[str]) -> str:
        number = int(parameter[1])
        return f"${number if number <= kept else number + shift}"

    return _PARAMETER.sub(shifted, statement.rstrip(";"))


def _settings_write(event: SettingsEvent) -> Write:
    match event:
        case DefinitionDeployed():
            return Write(queries.INSERT_DEFINITION, settings_rows.definition_row(event))
        case FormDeployed():
            return Write(queries.INSERT_FORM, settings_rows.form_row(event))
        case GlobalListenerSet():
            return Write(queries.PUT_LISTENER, settings_rows.listener_row(event.listener))
        case GlobalListenerDeleted():
            return Write(queries.DELETE_LISTENER, (event.id,))
