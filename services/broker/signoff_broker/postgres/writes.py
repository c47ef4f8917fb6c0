"""A batch as statements and their arguments: pure."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Generic, TypeVar

from signoff_broker.engine.state import Start
from signoff_broker.ports import Assumption, Batch
from signoff_broker.postgres import (
    due_rows,
    history_rows,
    queries,
    rows,
    settings_rows,
    step_rows,
    worklist_rows,
)
from signoff_schemas.documents import DocumentDeleted, DocumentSet
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import key_of
from signoff_schemas.process_events import (
    DefinitionDeleted,
    DefinitionDeployed,
    FormDeployed,
    GlobalListenerDeleted,
    GlobalListenerSet,
    ResourceDeployed,
    SettingsEvent,
)

Row = tuple[object, ...]
E = TypeVar("E")


@frozen
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


@frozen
class Write:
    """One statement of a commit."""

    statement: str
    arguments: Sequence[object]
    expected: str = ""
    """The command tag that it must end with, where fewer rows would mean a lost change."""


@frozen
class Writes:
    """A batch: most have nothing but the end."""

    first: Sequence[Write]
    finish: Write
    """Updates tasks, writes jobs, logs and work lists, appends steps and checks the fence."""


@frozen
class _Table(Generic[E]):
    insert: str
    update: str
    insert_row: Callable[[E], Row]
    update_row: Callable[[E], Row]

    def writes(
        self,
        partition: int,
        newest_key: int,
        entities: Mapping[int, E],
        named: Collection[int] = (),
    ) -> Iterator[Write]:
        """New entities are inserted whole; of known ones what can change is updated.

        New are those whose key is above ``newest_key``, or was ``named`` before they were there.
        """
        if not entities:
            return
        new, old = list[Row](), list[Row]()
        for key, each in entities.items():
            if key > newest_key or key in named:
                new.append(self.insert_row(each))
            else:
                old.append(self.update_row(each))
        if new:
            yield Write(self.insert, (partition, *_columns(new)))
        if old:
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
        *_PROCESSES.writes(partition, newest, batch.processes, batch.starts),
        *_INCIDENTS.writes(partition, newest, batch.incidents),
        *_VARIABLES.writes(partition, newest, batch.variables),
        *_put(
            queries.PUT_ELEMENTS,
            partition,
            map(history_rows.element_insert, batch.elements.values()),
        ),
        *_starts(partition, newest, batch.starts),
        *(_settings_write(event) for event in batch.settings),
    ]
    if batch.settings:
        first.append(Write(queries.BUMP_SETTINGS, (len(batch.settings),)))
    if new := [rows.task_insert(task) for key, task in batch.tasks.items() if key > newest]:
        first.append(Write(queries.INSERT_TASKS, (partition, *_columns(new))))
        first.append(Write(queries.INSERT_WORKLIST, (partition, *_listed(batch, newest))))
    old = [rows.task_update(task) for key, task in batch.tasks.items() if key <= newest]
    steps = [step_rows.step_insert(step) for step in batch.steps]
    finish: list[object] = [*claim.fence]
    finish += _columns(old) if old else _NO_TASKS
    finish += _columns(steps) if steps else _NO_STEPS
    finish += _assumed(batch.assumed) if batch.assumed else _NOTHING_ASSUMED
    more = [*_JOBS.writes(partition, newest, batch.jobs), *_relisted(batch, partition, newest)]
    if batch.log:
        lines = [history_rows.log_insert(line, entry) for line, entry in batch.log.items()]
        more.append(Write(queries.INSERT_LOG, (partition, *_columns(lines))))
    return Writes(first, _with(finish, more) if more else Write(queries.FINISH_COMMIT, finish))


def _put(statement: str, partition: int, table: Iterable[Row]) -> Iterator[Write]:
    if found := list(table):
        yield Write(statement, (partition, *_columns(found)))


def _starts(partition: int, newest: int, starts: Mapping[int, Start | None]) -> Iterator[Write]:
    """One that was called for and settled in the same batch leaves no trace."""
    called_for = [due_rows.start_insert(each) for each in starts.values() if each is not None]
    yield from _put(queries.INSERT_STARTS, partition, called_for)
    if settled := [key for key, each in starts.items() if each is None and key <= newest]:
        yield Write(queries.DELETE_STARTS, (partition, settled))


def _listed(batch: Batch, newest: int) -> Row:
    """The columns of new tasks in work lists and of their texts."""
    new = [task for key, task in batch.tasks.items() if key > newest]
    documents = worklist_rows.documents_of(batch.variables.values())
    texts = [worklist_rows.text_insert(task, documents) for task in new]
    return *_columns([worklist_rows.insert(task) for task in new]), *_columns(texts)


def _relisted(batch: Batch, partition: int, newest: int) -> Iterator[Write]:
    """What changes of known tasks in work lists; their texts where something was said."""
    known = [batch.tasks[key] for key in batch.worklist if key <= newest]
    if not known:
        return
    listed = [worklist_rows.update(task) for task in known]
    yield Write(queries.UPDATE_WORKLIST, _columns(listed), f"UPDATE {len(listed)}")
    documents = worklist_rows.documents_of(batch.variables.values())
    said = [task for task in known if worklist_rows.is_said(task, documents)]
    texts = [worklist_rows.text_update(task, documents) for task in said]
    yield from _put(queries.UPDATE_WORKLIST_TEXTS, partition, texts)
    rest = [task for task in known if not worklist_rows.is_said(task, documents)]
    assignees = map(worklist_rows.assignee_update, rest)
    yield from _put(queries.UPDATE_WORKLIST_ASSIGNEES, partition, assignees)


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


def _with(finish: list[object], more: Sequence[Write]) -> Write:
    """The last statement, with further ones in it: three round trips fewer."""
    for each in more:
        # The partition is there already, as the first parameter of all.
        finish += each.arguments if each.expected else each.arguments[1:]
    return Write(
        _finish_with(tuple((each.statement, bool(each.expected)) for each in more)), finish
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
        case ResourceDeployed():
            return Write(queries.INSERT_RESOURCE, settings_rows.resource_row(event))
        case GlobalListenerSet():
            return Write(queries.PUT_LISTENER, settings_rows.listener_row(event.listener))
        case GlobalListenerDeleted():
            return Write(queries.DELETE_LISTENER, (event.id,))
        case DefinitionDeleted():
            return Write(queries.DELETE_DEFINITION, (event.definition_key,))
        case DocumentSet():
            return Write(queries.PUT_DOCUMENT, settings_rows.document_row(event))
        case DocumentDeleted():
            return Write(queries.DELETE_DOCUMENT, (event.kind, event.id, event.version))
