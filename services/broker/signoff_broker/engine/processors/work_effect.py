"""What a transition does to the work on a task once it takes effect: corrections, log, triggers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from signoff_broker.engine.definitions import find_definition
from signoff_broker.engine.draft import Draft
from signoff_broker.engine.lifecycle import PHASE_OF
from signoff_broker.engine.processors.policies import may_start_others
from signoff_broker.engine.state import Transition, UserTask
from signoff_broker.engine.work_states import corrected, shown_assignee, state_of, work_state
from signoff_schemas.frozen import frozen
from signoff_schemas.limits import DESCENDANTS_MAX
from signoff_schemas.process_events import StartCalledFor
from signoff_schemas.values import Attributes
from signoff_schemas.work import (
    Action,
    ActionKind,
    LogEntry,
    Policy,
    Trigger,
    Triggered,
    TriggerEvent,
    Work,
    WorkState,
)


@frozen
class Effect:
    """What the final event says of the work, and the processes that are called for then."""

    work: Work | None = None
    policy: Policy | None = None
    log: tuple[LogEntry, ...] = ()
    starts: tuple[StartCalledFor, ...] = ()


NO_EFFECT: Final = Effect()


def effect_of(
    draft: Draft, task: UserTask, transition: Transition, attributes: Attributes
) -> Effect:
    """The effect of a transition that ends with these attributes."""
    work, log = transition.work, transition.log
    standing = work or task.work
    if standing is None:
        return Effect(log=log)
    if attributes.assignee != shown_assignee(standing):
        standing = work = corrected(standing, attributes.assignee)
        log = _corrected_log(log, work, draft.now)
    policy = transition.policy or task.policy
    if policy is None or not policy.triggers:
        return Effect(work, transition.policy, log)
    happened = set(_happened(task, standing))
    lines, starts = call_for(draft, policy, happened, asked=bool(transition.command_id))
    return Effect(work, transition.policy, log + lines, starts)


def call_for(
    draft: Draft, policy: Policy, happened: set[TriggerEvent], *, asked: bool = False
) -> tuple[tuple[Triggered, ...], tuple[StartCalledFor, ...]]:
    """Call for the processes that are to start now: log lines, and the events to emit.

    What cannot be started is told by the log and troubles nobody else. Of the processes that may
    still come of this one, each start has an equal part, and as much is left for later: triggers
    that feed each other come to an end, however many there are. What somebody ``asked`` for begins
    anew: people and programs who act are not what goes on by itself.
    """
    lines: list[Triggered] = []
    starts: list[StartCalledFor] = []
    fired = [trigger for trigger in policy.triggers if trigger.on in happened]
    left = DESCENDANTS_MAX if asked else draft.open.process.descendants
    part = max(1, left // (len(fired) + 1))
    for trigger in fired:
        line, start = _start(draft, trigger, min(part, left))
        lines.append(line)
        if start is not None:
            starts.append(start)
            left -= 1 + start.descendants
    return tuple(lines), tuple(starts)


def _start(draft: Draft, trigger: Trigger, part: int) -> tuple[Triggered, StartCalledFor | None]:
    """``part``: processes that may come of it, itself included."""
    process, name, version = draft.open.process, trigger.process_id, trigger.version
    found = find_definition(draft.settings, process.tenant, name, version)
    error = ""
    if found is None:
        error = f"no definition '{name}'" + (f" of version {version}" if version != -1 else "")
    elif not part:
        error = "too many processes came of one start"
    if found is None or error:
        return Triggered(trigger.on, draft.now, name, version, error=error), None
    key, version = draft.new_key(), found.process.version
    start = StartCalledFor(
        process_instance_key=process.key,
        start_key=key,
        process_id=name,
        version=version,
        variables=trigger.variables,
        tenant=process.tenant,
        business_id=trigger.business_id,
        started_by=process.started_by,
        descendants=part - 1 if may_start_others(found.graph) else 0,
        at=draft.now,
    )
    return Triggered(trigger.on, draft.now, name, version, started_key=key), start


def _happened(task: UserTask, work: Work) -> Iterator[TriggerEvent]:
    """What there are triggers for. A chain that is about to begin is not yet an assignment."""
    before = task.work or Work()
    if not _has_begun(work):
        return
    was = work_state(task) if _has_begun(before) else WorkState.PENDING
    ends_in = PHASE_OF[task.state].ends_in
    state = state_of(ends_in, work, timed_out=task.timed_out)
    if state is not was and state is not WorkState.DELETED:
        yield TriggerEvent(state.value)
    is_picked_up = work.claimant is not None and before.claimant is None and work.assignee is None
    if was is not WorkState.PENDING and (work.assignee != before.assignee or is_picked_up):
        yield TriggerEvent.ASSIGNEE_CHANGED
    if work.claimant != before.claimant:
        yield TriggerEvent.CLAIMANT_CHANGED


def _has_begun(work: Work) -> bool:
    return work.exhausted or work.index is not None or work.assignee is not None


def _corrected_log(log: tuple[LogEntry, ...], work: Work, now: int) -> tuple[LogEntry, ...]:
    """The log of what a listener corrected: it tells whom it chose."""
    state = WorkState.ASSIGNED if work.claimant is None else WorkState.CLAIMED
    if not any(isinstance(line, Action) for line in log):
        return (*log, Action(ActionKind.ASSIGNMENT, state, now, "", work.assignee))
    return tuple(
        replace(
            line,
            state=state,
            assignee=work.assignee,
            claimant=None if line.claimant is None else work.claimant,
        )
        if isinstance(line, Action) and line.state is not WorkState.PENDING
        else line
        for line in log
    )
