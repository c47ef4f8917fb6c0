"""What is only ever added: visits to nodes, and lines of task logs."""

import orjson

from signoff_broker.engine.state import Element
from signoff_schemas.work import LogEntry

Row = tuple[object, ...]


def element_insert(element: Element) -> Row:
    """A visit to a node as a whole."""
    return (
        element.key,
        element.process_instance_key,
        element.node_id,
        element.entered_at,
        _json(element.input),
        None if element.output is None else _json(element.output),
        element.left_at,
        element.ending,
    )


def log_insert(line: tuple[int, int], entry: LogEntry) -> Row:
    """A line of a task's log, under the task's key and its number."""
    return (*line, _json(entry))


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
