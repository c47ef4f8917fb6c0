"""The history checker: were the promises kept, by what clients saw and what the database holds?

Clients give every change of a task a value of its own, so that the record of what was applied, in
order, tells which change took effect, how often, and between which others. A claim's value is its
claimant; a release leaves the task with none. The checker compares

* what clients asked for and were told (`Operation`), and what they read (`Read`),
* what the partitions applied, in order (`Applied`),
* what each task holds at the end, and what each command settled to.

It decides nothing by time except order: an operation answered before another was sent comes first.
Pure: it only looks at what it is given.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Told(StrEnum):
    """What a client was told about an operation."""

    ACKNOWLEDGED = "acknowledged"
    """2xx: it took effect."""
    REFUSED = "refused"
    """4xx or 503: certainly no effect."""
    UNKNOWN = "unknown"
    """504, or the connection ended: its command id will tell."""


class Change(StrEnum):
    """What a change does to the value that a task holds."""

    SET = "set"
    """The task holds the change's value, whatever it held before."""
    CLAIM = "claim"
    """The same, and only of a task that nobody has."""
    RELEASE = "release"
    """The task holds nothing; only of a task that somebody has."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of one task by one client. Times are the client machine's monotonic seconds."""

    command_id: str
    """Empty if the client never learned it."""
    task: str
    value: str
    """No two operations of a history have the same."""
    sent: float
    answered: float
    told: Told
    status: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """One look at a task."""

    task: str
    value: str
    sent: float
    answered: float


@dataclass(frozen=True, slots=True)
class Applied:
    """One change that took effect, as the partition's log has it."""

    partition: int
    position: int
    epoch: int
    command_id: str
    task: str
    value: str
    change: Change = Change.SET

    @property
    def holds(self) -> str:
        """What the task holds after it."""
        return "" if self.change is Change.RELEASE else self.value


@dataclass(frozen=True, slots=True)
class Activation:
    """A job was handed to a worker."""

    position: int
    job: str
    worker: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A worker's completion of a job was accepted."""

    position: int
    job: str
    worker: str
    """The worker that sent it."""


@dataclass(frozen=True, slots=True)
class History:
    """A whole run. `final` is task to value; `settled` is command id to its final status."""

    operations: Sequence[Operation]
    applied: Sequence[Applied]
    final: Mapping[str, str]
    settled: Mapping[str, str] = field(default_factory=dict[str, str])
    reads: Sequence[Read] = ()
    activations: Sequence[Activation] = ()
    completions: Sequence[Completion] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, by its number in the design, and how."""

    promise: int
    what: str

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.what}"


NO_EFFECT = frozenset({"REJECTED", "WITHDRAWN"})
FINAL = NO_EFFECT | {"APPLIED"}


def violations(history: History) -> list[Violation]:
    """Every broken promise of the run; empty if all were kept."""
    return [
        *_effects(history),
        *_settlements(history),
        *_positions(history),
        *_order(history),
        *_final_values(history),
        *_stale_reads(history),
        *_foreign_completions(history),
        *_claimants(history),
    ]


def _effects(history: History) -> Iterator[Violation]:
    """Promises 1-3: acknowledged once, never twice, and refused means no effect."""
    times = Counter(each.value for each in history.applied)
    for operation in history.operations:
        count = times[operation.value]
        if operation.told is Told.ACKNOWLEDGED and count == 0:
            yield Violation(2, f"acknowledged {operation.value} of task {operation.task} is lost")
        if operation.told is Told.REFUSED and count:
            yield Violation(3, f"{operation.value} was refused {operation.status}, and applied")
    for value, count in times.items():
        if count > 1:
            yield Violation(2, f"{value} was applied {count} times")
    asked = {operation.value for operation in history.operations}
    for value in times.keys() - asked:
        yield Violation(2, f"{value} was applied, and nobody asked for it")


def _settlements(history: History) -> Iterator[Violation]:
    """Promise 4: what was not known settles to one status, which is what happened."""
    applied = {each.value for each in history.applied}
    for operation in history.operations:
        if not operation.command_id or operation.command_id not in history.settled:
            if operation.told is Told.UNKNOWN and operation.command_id:
                yield Violation(4, f"{operation.command_id} was never settled")
            continue
        status = history.settled[operation.command_id]
        if status not in FINAL:
            yield Violation(4, f"{operation.command_id} is still {status}")
        elif (status == "APPLIED") != (operation.value in applied):
            had = "took" if operation.value in applied else "had no"
            yield Violation(4, f"{operation.command_id} reads {status}, and {had} effect")


def _positions(history: History) -> Iterator[Violation]:
    """One owner at a time: positions are unique, and no older epoch writes after a newer one."""
    newest: dict[int, Applied] = {}
    for each in sorted(history.applied, key=lambda applied: (applied.partition, applied.position)):
        before = newest.get(each.partition)
        if before is not None and before.position == each.position:
            yield Violation(2, f"position {each.position} of partition {each.partition} is double")
        if before is not None and each.epoch < before.epoch:
            yield Violation(2, f"epoch {each.epoch} wrote after {before.epoch} ({each.value})")
        newest[each.partition] = each


def _order(history: History) -> Iterator[Violation]:
    """Promise 6: what was answered before another was sent comes first."""
    place = {each.value: each.position for each in history.applied}
    by_task: dict[str, list[Operation]] = defaultdict(list)
    for operation in history.operations:
        if operation.told is Told.ACKNOWLEDGED and operation.value in place:
            by_task[operation.task].append(operation)
    for operations in by_task.values():
        answered = sorted(operations, key=lambda operation: operation.answered)
        latest: Operation | None = None
        waiting = iter(answered)
        upcoming = next(waiting, None)
        for operation in sorted(operations, key=lambda operation: operation.sent):
            while upcoming is not None and upcoming.answered < operation.sent:
                if latest is None or place[upcoming.value] > place[latest.value]:
                    latest = upcoming
                upcoming = next(waiting, None)
            if latest is not None and place[operation.value] < place[latest.value]:
                yield Violation(6, f"{operation.value} overtook {latest.value}, answered before")


def _final_values(history: History) -> Iterator[Violation]:
    """Promise 2: what a task holds is what was applied last."""
    last: dict[str, Applied] = {}
    for each in sorted(history.applied, key=lambda applied: applied.position):
        last[each.task] = each
    for task, each in last.items():
        if task in history.final and history.final[task] != each.holds:
            yield Violation(2, f"task {task} holds {history.final[task]}, last was {each.value}")


def _stale_reads(history: History) -> Iterator[Violation]:
    """Promise 8: a read that was sent after an acknowledgement sees that change, or a later one."""
    place = {each.value: each.position for each in history.applied}
    newest: dict[tuple[str, str], int] = {}
    for each in history.applied:
        shown = (each.task, each.holds)
        newest[shown] = max(each.position, newest.get(shown, -1))
    acknowledged: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for operation in history.operations:
        if operation.told is Told.ACKNOWLEDGED and operation.value in place:
            acknowledged[operation.task].append((operation.answered, place[operation.value]))
    for read in history.reads:
        known = [position for at, position in acknowledged[read.task] if at < read.sent]
        if known and newest.get((read.task, read.value), -1) < max(known):
            yield Violation(8, f"task {read.task} was read as {read.value} after a later answer")


def _foreign_completions(history: History) -> Iterator[Violation]:
    """Promise 7: a completion under a lease comes from the worker that has the job."""
    holders: dict[str, list[Activation]] = defaultdict(list)
    for activation in sorted(history.activations, key=lambda each: each.position):
        holders[activation.job].append(activation)
    accepted = Counter(each.job for each in history.completions)
    for job, count in accepted.items():
        if count > 1:
            yield Violation(7, f"job {job} was completed {count} times")
    for completion in history.completions:
        before = [each for each in holders[completion.job] if each.position < completion.position]
        if before and before[-1].worker != completion.worker:
            worker, holder = completion.worker, before[-1].worker
            yield Violation(7, f"job {completion.job} of {holder} was completed by {worker}")


def _claimants(history: History) -> Iterator[Violation]:
    """Promise 10: a task has one claimant at a time."""
    holders: dict[str, str] = {}
    for each in sorted(history.applied, key=lambda applied: applied.position):
        holder = holders.get(each.task, "")
        if each.change is Change.CLAIM and holder:
            yield Violation(10, f"task {each.task} of {holder} was granted to {each.value}")
        if each.change is Change.RELEASE and not holder:
            yield Violation(10, f"task {each.task} of nobody was released ({each.value})")
        if each.change is not Change.SET:
            holders[each.task] = each.holds
