"""Which view and which columns stand behind each entity, as its row class says."""

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from signoff_gateway.reads import Entity
from signoff_gateway.reads.rows import (
    IncidentRow,
    JobRow,
    ProcessInstanceRow,
    UserTaskRow,
    VariableRow,
)
from signoff_schemas.frozen import frozen
from signoff_schemas.values import GlobalListener, ListenerEvent, TaskState

_SQL_TYPES: Final[Mapping[object, str]] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    list[str]: "text[]",
    tuple[ListenerEvent, ...]: "text[]",
}

LONG_TEXT_SORTED: Final = 512
"""Long texts are sorted by their beginning, which is all that a cursor has to carry."""
_LONG: Final = frozenset({"value", "message", "error_message", "denied_reason"})

OPEN_STATES: Final = frozenset(set(TaskState) - {TaskState.COMPLETED, TaskState.CANCELED})


@frozen
class Column:
    """A column that can be compared and sorted by."""

    name: str
    sql_type: str
    nullable: bool

    @property
    def sorted_as(self) -> str:
        """The expression that it is sorted by: bytes of UTF-8, whatever the database's language."""
        if self.sql_type != "text":
            return self.name
        text = f"left({self.name}, {LONG_TEXT_SORTED})" if self.name in _LONG else self.name
        return f'{text} COLLATE "C"'

    def sort_value(self, row: object) -> object:
        """What ``sorted_as`` gives for this row."""
        value = getattr(row, self.name)
        return value[:LONG_TEXT_SORTED] if value is not None and self.name in _LONG else value


@frozen
class Source:
    """A view and the class of its rows."""

    view: str
    row: type[Any]
    columns: Mapping[str, Column]
    tie: str = "key"
    owned: bool = True
    """Whether its rows belong to tenants."""

    def select_list(self, *, preview: bool = False) -> str:
        """The row's fields in order."""
        names = [each.name for each in fields(self.row)]
        return ", ".join("preview AS value" if preview and n == "value" else n for n in names)


def _columns(row: type[Any]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for name, hint in get_type_hints(row).items():
        choices = get_args(hint)
        nullable = NoneType in choices
        plain = next((each for each in choices if each is not NoneType), hint) if nullable else hint
        if sql_type := _SQL_TYPES.get(plain):
            found[name] = Column(name, sql_type, nullable)
    return found


def _source(view: str, row: type[Any]) -> Source:
    return Source(view, row, _columns(row))


SOURCES: Final[Mapping[Entity, Source]] = {
    Entity.USER_TASKS: _source("read_user_tasks", UserTaskRow),
    Entity.JOBS: _source("read_jobs", JobRow),
    Entity.INCIDENTS: _source("read_incidents", IncidentRow),
    Entity.VARIABLES: _source("read_variables", VariableRow),
    Entity.PROCESS_INSTANCES: _source("read_process_instances", ProcessInstanceRow),
    Entity.GLOBAL_LISTENERS: Source(
        "read_global_listeners", GlobalListener, _columns(GlobalListener), tie="id", owned=False
    ),
}
