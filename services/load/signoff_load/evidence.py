"""What the database says was applied, in order: the other side of a client's history."""

from collections.abc import Mapping
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


async def collect(database_url: str, workers: Mapping[str, str]) -> Evidence:
    """Read all steps. The value of a change is the one candidate user that it set.

    `workers` says which worker's completion of a job was accepted, as far as one wrote it down.
    """
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(_STEPS)
    finally:
        await connection.close()
    evidence = Evidence()
    for row in rows:
        for event in decode_events(row["events"]):
            if isinstance(event, TaskUpdated) and "candidate_users" in event.changed:
                value = event.attributes.candidate_users[0]
                task = str(event.task_key)
                evidence.applied.append(
                    Applied(
                        row["partition_id"],
                        row["position"],
                        row["epoch"],
                        row["command_id"] or "",
                        task,
                        value,
                    )
                )
            elif isinstance(event, JobActivated):
                evidence.activations.append(
                    Activation(row["position"], str(event.job_key), event.worker)
                )
            elif isinstance(event, JobCompleted):
                job = str(event.job_key)
                evidence.completions.append(Completion(row["position"], job, workers.get(job, "")))
    return evidence
