"""One batch in the making: rows of what was stepped, and the newest version of what was touched."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, get_args

from signoff_broker.engine.world import Outgoing, Step
from signoff_broker.ports import Batch, StepRow
from signoff_broker.runtime.cache import weight
from signoff_process.log.ports import Arrival
from signoff_schemas.frozen import frozen
from signoff_schemas.jobs import JobPush
from signoff_schemas.principal import ENGINE
from signoff_schemas.process_events import SettingsEvent
from signoff_schemas.topics import Inlet

_SETTINGS: Final[tuple[type[SettingsEvent], ...]] = get_args(SettingsEvent)


@frozen
class Offsets:
    """The next offset of both inlets."""

    commands: int = 0
    results: int = 0

    def after(self, arrival: Arrival) -> "Offsets":
        """As they are once this record is done."""
        if arrival.inlet is Inlet.COMMANDS:
            return Offsets(max(self.commands, arrival.offset + 1), self.results)
        return Offsets(self.commands, max(self.results, arrival.offset + 1))


class BatchBuilder:
    """Collects steps. All rows carry the offsets after the whole batch: it is committed as one."""

    __slots__ = ("batch", "bytes", "loose", "now", "offsets", "position")

    def __init__(self, position: int, now: int, offsets: Offsets) -> None:
        self.batch = Batch()
        self.bytes = 0
        """Roughly, what the steps come to."""
        self.loose: list[Outgoing] = []
        """What leaves without a row: answers that are on record already."""
        self.position = position
        """Of the next step that is recorded."""
        self.now = now
        self.offsets = offsets

    def add(self, made: Step, arrival: Arrival, last_key: int) -> None:
        """Take over what an entry's step did."""
        if not made.recorded:
            self.loose += made.messages
            return
        entry = arrival.entry
        assert entry is not None, "rubbish is never stepped"
        self._record(
            StepRow(
                self.position,
                arrival.inlet,
                arrival.offset,
                self.now,
                last_key,
                self.offsets.commands,
                self.offsets.results,
                entry.id,
                entry.request_id,
                entry.fingerprint,
                entry.principal.id,
                made.subject_key,
                made.events,
                made.messages,
                made.outcome,
                made.answers,
                made.answered,
            ),
            made,
        )

    def add_timer(self, made: Step, last_key: int) -> None:
        """Take over what a timer's step did; nothing at all needs no row."""
        if made.recorded and (made.events or made.messages):
            row = self.marker(Inlet.TIMER, 0, last_key)
            self._record(
                StepRow(
                    row.position,
                    row.inlet,
                    row.offset,
                    row.now,
                    last_key,
                    row.commands_offset,
                    row.results_offset,
                    principal=ENGINE.id,
                    subject_key=made.subject_key,
                    events=made.events,
                    messages=made.messages,
                    answers=made.answers,
                    answered=made.answered,
                ),
                made,
            )

    def marker(self, inlet: Inlet, offset: int, last_key: int) -> StepRow:
        """A row that says nothing but how far the partition is; it is not added yet."""
        return StepRow(
            self.position,
            inlet,
            offset,
            self.now,
            last_key,
            self.offsets.commands,
            self.offsets.results,
        )

    def end_early(self, before: Offsets, taken_up: Iterable[Arrival]) -> None:
        """Of all that it was made for, only these are in the batch: its rows say so."""
        for arrival in taken_up:
            before = before.after(arrival)
        self.offsets = before
        self.batch.steps = [
            replace(row, commands_offset=before.commands, results_offset=before.results)
            for row in self.batch.steps
        ]

    def mark(self, before: Offsets, last_key: int) -> None:
        """Add a row that only moves the offsets, from where they were."""
        inlet, offset = Inlet.RESULTS, self.offsets.results
        if self.offsets.commands > before.commands:
            inlet, offset = Inlet.COMMANDS, self.offsets.commands
        self.add_row(self.marker(inlet, max(0, offset - 1), last_key))

    def unstepped(self, arrival: Arrival, last_key: int) -> StepRow:
        """The row of an entry that did nothing; it is not added yet."""
        entry = arrival.entry
        assert entry is not None, "rubbish has no row"
        return StepRow(
            self.position,
            arrival.inlet,
            arrival.offset,
            self.now,
            last_key,
            self.offsets.commands,
            self.offsets.results,
            entry.id,
            entry.request_id,
            entry.fingerprint,
            entry.principal.id,
        )

    def add_row(self, row: StepRow) -> None:
        """Add a row that touched nothing."""
        self.batch.steps.append(row)
        self.position += 1

    def _record(self, row: StepRow, made: Step) -> None:
        batch, touched = self.batch, made.touched
        self.bytes += _bytes_of(made)
        batch.steps.append(row)
        self.position += 1
        if touched.processes:
            batch.processes.update(touched.processes)
        if touched.tasks:
            batch.tasks.update(touched.tasks)
        if touched.jobs:
            batch.jobs.update(touched.jobs)
        if touched.incidents:
            batch.incidents.update(touched.incidents)
        if touched.variables:
            batch.variables.update(touched.variables)
        if touched.worklist or touched.elements or touched.starts or touched.log:
            batch.worklist.update(touched.worklist)
            batch.elements.update(touched.elements)
            batch.starts.update(touched.starts)
            batch.log.update(touched.log)
        if made.events and isinstance(made.events[0], _SETTINGS):
            batch.settings += [event for event in made.events if isinstance(event, _SETTINGS)]


def _bytes_of(made: Step) -> int:
    """Roughly what a step adds to the transaction, apart from what every step does."""
    size = made.bulk
    for variable in made.touched.variables.values():
        size += weight(variable.value)
    for each in made.messages:
        if isinstance(each.message, JobPush):
            size += weight(each.message.job.variables)
    return size
