"""The whole engine: a command, a result or a due timer, from the world as it is to its step."""

from dataclasses import replace
from typing import Final

from signoff_broker.engine import duplicates
from signoff_broker.engine.decide import Request, decide, decide_timer
from signoff_broker.engine.draft import Asker, Draft
from signoff_broker.engine.keys import keys_named_by
from signoff_broker.engine.outbound import Answer, answers, push
from signoff_broker.engine.state import Instance
from signoff_broker.engine.storable import must_be_storable, must_have_storable_ids
from signoff_broker.engine.world import Known, Step, World
from signoff_schemas.commands import Withdraw
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, Rejection, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from signoff_schemas.results import Goodbye, Subscription, YieldJob
from signoff_schemas.timers import ActivateJob, StartTriggered, Timer
from signoff_schemas.values import ProcessState, Waiter

_APPLIED: Final = Outcome(status=OutcomeStatus.APPLIED)
_ENDED: Final = (ProcessState.COMPLETED, ProcessState.TERMINATED)
Decision = dict[str, object] | Rejection | None


def step(world: World, entry: Entry, *, now: int, position: int) -> Step:
    """Work on a command or result, and take the effect over into the world.

    ``now`` is epoch milliseconds and never goes back, ``position`` the step's own. The world must
    hold every instance named by ``keys_named_by``, and what is on record of the entry's id, of a
    withdrawal's target, and the instances in which these wait. Credit records need no step.
    Raises: only on bugs, and then leaves the world as it was.
    """
    body = entry.body
    assert not isinstance(body, Subscription | Goodbye), "credit goes to the dispatcher"
    draft = _draft(world, entry, now, position)
    if refusal := must_have_storable_ids(entry):
        return _unrecorded(draft, Outcome(status=OutcomeStatus.REJECTED, rejection=refusal))
    if isinstance(body, YieldJob):
        return step_timer(world, body, now=now, position=position)
    known = world.known.get(entry.id)
    if known is not None:
        return _again(world, draft, entry, known)
    decision: Decision = duplicates.must_be_fresh(entry, now) or must_be_storable(body)
    if decision is None and isinstance(body, Withdraw):
        target = world.known.get(body.target)
        draft.instance = _waits_in(world, target)
        decision = duplicates.withdraw(draft, body, target)
    elif decision is None and not isinstance(body, Withdraw):
        draft.instance = _named_by(world, body)
        decision = decide(draft, body)
    return _decided(world, draft, entry, decision)


def step_timer(world: World, timer: Timer | YieldJob, *, now: int, position: int) -> Step:
    """Work on what nobody is answered for: a due timer, an activation, a job that comes back."""
    draft = _draft(world, None, now, position)
    draft.instance = _named_by(world, timer)
    if isinstance(timer, StartTriggered):
        draft.called_for = world.starts.get(timer.start_key)
    decide_timer(draft, timer)
    _take_over(world, draft)
    job = draft.activated
    return Step(
        events=tuple(draft.events),
        messages=push(timer, job) if isinstance(timer, ActivateJob) and job is not None else (),
        subject_key=_subject(draft),
        recorded=bool(draft.events),
        touched=draft.touched,
        bulk=draft.budget.spent,
    )


def _draft(world: World, entry: Entry | None, now: int, position: int) -> Draft:
    asker = Asker()
    if entry is not None:
        inbox = entry.inbox
        waiter = None if inbox is None else Waiter(entry.request_id, inbox)
        asker = Asker(entry.id, entry.principal, waiter)
    return Draft(
        partition_id=world.partition_id,
        settings=world.settings,
        now=now,
        position=position,
        last_key=world.last_key,
        asker=asker,
        exhausted=world.exhausted,
    )


def _named_by(world: World, body: Request | Timer | YieldJob) -> Instance | None:
    for key in keys_named_by(body):
        return world.find(key)
    return None


def _waits_in(world: World, known: Known | None) -> Instance | None:
    if known is None or known.outcome is not None or known.instance_key is None:
        return None
    return world.instances[known.instance_key]


def _again(world: World, draft: Draft, entry: Entry, known: Known) -> Step:
    """A command that is on record: it gets the same answer, or joins the wait for it."""
    refusal = duplicates.must_be_the_same(entry, known)
    if refusal is None and known.outcome is not None:
        return _unrecorded(draft, known.outcome)
    if refusal is None:
        draft.instance = _waits_in(world, known)
        refusal = duplicates.join(draft)
    if refusal is not None:
        return _unrecorded(draft, Outcome(status=OutcomeStatus.REJECTED, rejection=refusal))
    return _taken_over(world, draft, None)


def _decided(world: World, draft: Draft, entry: Entry, decision: Decision) -> Step:
    """A new command: remember what became of it, and of the one that it released."""
    outcome = _outcome(draft, decision)
    if isinstance(decision, Rejection) and _is_passing(decision):
        return _unrecorded(draft, outcome)
    step = _taken_over(world, draft, outcome)
    world.known[entry.id] = Known(outcome, entry.fingerprint, step.subject_key)
    if step.answers:
        before = world.known.get(step.answers, Known(None, instance_key=step.subject_key))
        world.known[step.answers] = replace(before, outcome=step.answered)
    return step


def _is_passing(refusal: Rejection) -> bool:
    """Whether the same command may fare better, once there is room or it is made anew."""
    too_much = refusal.type is RejectionType.RESOURCE_EXHAUSTED
    return too_much or refusal.code is Code.DOCUMENT_CHANGED


def _outcome(draft: Draft, decision: Decision) -> Outcome | None:
    if isinstance(decision, Rejection):
        return Outcome(status=OutcomeStatus.REJECTED, rejection=decision)
    own = draft.asker.command_id
    if draft.released is not None and draft.released.command_id == own:
        return draft.released.outcome
    task = None if draft.instance is None else draft.instance.task
    if task is not None and task.transition is not None and task.transition.command_id == own:
        return None
    return _APPLIED if decision is None else Outcome(status=OutcomeStatus.APPLIED, result=decision)


def _taken_over(world: World, draft: Draft, outcome: Outcome | None) -> Step:
    """The step, after its effect became the world's."""
    _take_over(world, draft)
    asker, released = draft.asker, draft.released
    job = None if draft.instance is None else draft.instance.job
    own = Answer(asker.command_id, asker.waiter, outcome, "" if job is None else job.job_type)
    answers_other = released is not None and released.command_id != asker.command_id
    return Step(
        events=tuple(draft.events),
        messages=answers(draft.partition_id, own, released),
        outcome=outcome,
        answers=released.command_id if released is not None and answers_other else "",
        answered=released.outcome if released is not None and answers_other else None,
        subject_key=_subject(draft),
        recorded=outcome is not None or bool(draft.events),
        touched=draft.touched,
        bulk=draft.budget.spent,
    )


def _unrecorded(draft: Draft, outcome: Outcome | None) -> Step:
    """An answer that changes nothing, not even what is on record."""
    own = Answer(draft.asker.command_id, draft.asker.waiter, outcome)
    return Step(messages=answers(draft.partition_id, own), recorded=False)


def _take_over(world: World, draft: Draft) -> None:
    world.last_key = draft.last_key
    world.settings = draft.settings
    for key, start in draft.touched.starts.items():
        if start is None:
            world.starts.pop(key, None)
        else:
            world.starts[key] = start
    instance = draft.instance
    if instance is None or not draft.events:
        return
    if instance.process.state in _ENDED:
        world.drop(instance.process.key)
    else:
        world.put(instance)


def _subject(draft: Draft) -> int | None:
    return None if draft.instance is None else draft.instance.process.key
