"""What is due, and what is always due: processes that triggers have called for."""

from collections.abc import Sequence
from typing import Any

import orjson

from signoff_broker.engine.state import Start
from signoff_broker.ports import Due, DueJob

Row = tuple[object, ...]


def start_insert(start: Start) -> Row:
    """A process that a trigger has called for."""
    return (
        start.key,
        start.process_id,
        start.version,
        orjson.dumps(start.variables).decode(),
        start.tenant,
        start.business_id,
        start.started_by,
        start.descendants,
    )


def due_of(table: Sequence[Sequence[Any]]) -> Due:
    """What is due, from the rows of ``due``."""
    jobs: list[DueJob] = []
    tasks: list[int] = []
    processes: list[int] = []
    starts: list[Start] = []
    for kind, key, instance_key, activated, *start in table:
        match kind:
            case "job":
                jobs.append(DueJob(key, instance_key, activated))
            case "task":
                tasks.append(key)
            case "process":
                processes.append(key)
            case _:
                process_id, version, variables, *rest = start
                starts.append(Start(key, process_id, version, orjson.loads(variables), *rest))
    return Due(jobs, tasks, processes, starts)
