"""What the database says was applied, in order: the other side of a client's history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import asyncpg

from signoff_load.history import Activation, Applied, Change, Completion
from signoff_schemas.codec import decode_events
from signoff_schemas.events import Event
from signoff_schemas.job_events import JobActivated, JobCompleted
from signoff_schemas.task_events import TaskAssigned, TaskAssigning, TaskUpdated

_STEPS = (files("signoff_load") / "sql" / "steps.sql").read_text()


@dataclass(slots=True)
class Evidence:
    """Changes, activations and completions, each in the order of its partition."""

    applied: list[Applied] = field(default_factory=list[Applied])
    activations: list[Activation] = field(default_factory=list[Activation])
    completions: list[Completion] = field(default_factory=list[Completion])


@dataclass(frozen=True, slots=True)
class Written:
    """One step, as the database has it."""

    partition: int
    position: int
    epoch: int
    command_id: str
    events: Sequence[Event]


async def collect(
    database_url: str, tasks: Collection[str], accepted: Iterable[tuple[str, str]]
) -> Evidence:
    """Read all steps; see `evidence_of`."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(_STEPS)
    finally:
        await connection.close()
    steps = (
        Written(
            row["partition_id"],
            row["position"],
            row["epoch"],
            row["command_id"] or "",
            decode_events(row["events"]),
        )
        for row in rows
    )
    return evidence_of(steps, tasks, accepted)


def evidence_of(
    steps: Iterable[Written], tasks: Collection[str], accepted: Iterable[tuple[str, str]]
) -> Evidence:
    """What steps say of these tasks.

    The value of an update is the one candidate user that it set, of a claim the claimant, of a
    release the `release_value` of its command. `accepted` says whose completion of a job was
    accepted, as far as a worker wrote it down; a completion that nobody did is left out.
    """
    workers: dict[str, list[str]] = {}
    for job, worker in accepted:
        workers.setdefault(job, []).append(worker)
    evidence = Evidence()
    releasing: dict[int, str] = {}
    for step in steps:
        for event in step.events:
            _add(evidence, step, event, workers)
            if changed := _changed(event, releasing):
                task, value, change = changed
                if str(task) in tasks:
                    evidence.applied.append(
                        Applied(
                            step.partition,
                            step.position,
                            step.epoch,
                            step.command_id,
                            str(task),
                            value,
                            change,
                        )
                    )
    return evidence


def release_value(command_id: str) -> str:
    """What tells a release from all others."""
    return f"released by {command_id}"


def _changed(event: Event, releasing: dict[int, str]) -> tuple[int, str, Change] | None:
    """Task, value and kind of a change that took effect.

    `releasing` has the command of each release under way, by task: it is begun in one step and,
    if a listener is asked, takes effect in another.
    """
    match event:
        case TaskUpdated() if "candidate_users" in event.changed:
            return event.task_key, event.attributes.candidate_users[0], Change.SET
        case TaskAssigning(action="release"):
            releasing[event.task_key] = event.command_id
        case TaskAssigned(action="release"):
            value = release_value(releasing.pop(event.task_key, ""))
            return event.task_key, value, Change.RELEASE
        case TaskAssigned(action="claim", work=work) if work is not None and work.claimant:
            return event.task_key, work.claimant.id, Change.CLAIM
        case _:
            pass
    return None


def _add(
    evidence: Evidence, step: Written, event: Event, workers: Mapping[str, Sequence[str]]
) -> None:
    match event:
        case JobActivated():
            activation = Activation(step.position, str(event.job_key), event.worker)
            evidence.activations.append(activation)
        case JobCompleted():
            job = str(event.job_key)
            evidence.completions += [
                Completion(step.position, job, worker) for worker in workers.get(job, ())
            ]
        case _:
            pass
