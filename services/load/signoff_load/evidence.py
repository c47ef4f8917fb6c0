"""What the database says was applied, in order: the other side of a client's history."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from importlib.resources import files

import asyncpg

from signoff_load.history import Activation, Applied, Completion
from signoff_schemas.codec import decode_events
from signoff_schemas.job_events import JobActivated, JobCompleted
from signoff_schemas.task_events import TaskUpdated

_STEPS = (files("signoff_load") / "sql" / "steps.sql").read_text()


@dataclass(slots=True)
class Evidence:
    """Changes, activations and completions, each in the order of its partition."""

    applied: list[Applied] = field(default_factory=list[Applied])
    activations: list[Activation] = field(default_factory=list[Activation])
    completions: list[Completion] = field(default_factory=list[Completion])


async def collect(
    database_url: str, tasks: Collection[str], accepted: Iterable[tuple[str, str]]
) -> Evidence:
    """Read all steps of these tasks. The value of a change is the one candidate user that it set.

    `accepted` says whose completion of a job was accepted, as far as a worker wrote it down; a
    completion that nobody did is left out.
    """
    workers: dict[str, list[str]] = {}
    for job, worker in accepted:
        workers.setdefault(job, []).append(worker)
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(_STEPS)
    finally:
        await connection.close()
    evidence = Evidence()
    for row in rows:
        position = row["position"]
        for event in decode_events(row["events"]):
            if isinstance(event, TaskUpdated):
                task = str(event.task_key)
                if task in tasks and "candidate_users" in event.changed:
                    value = event.attributes.candidate_users[0]
                    partition, epoch = row["partition_id"], row["epoch"]
                    command_id = row["command_id"] or ""
                    evidence.applied.append(
                        Applied(partition, position, epoch, command_id, task, value)
                    )
            elif isinstance(event, JobActivated):
                evidence.activations.append(
                    Activation(position, str(event.job_key), event.worker)
                )
            elif isinstance(event, JobCompleted):
                job = str(event.job_key)
                evidence.completions += [
                    Completion(position, job, worker) for worker in workers.get(job, ())
                ]
    return evidence
