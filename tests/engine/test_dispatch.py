"""Who gets which job: the queue's order, what credit allows, silence, and taking over."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signoff_broker.engine.backlog import QueuedJob
from signoff_broker.engine.credit import LOST_MS
from signoff_broker.engine.dispatch import GRACE_MS, RING_AGAIN_MS, SILENT_MS, Dispatcher
from signoff_broker.engine.state import Job
from signoff_schemas.jobs import Ring
from signoff_schemas.results import Grant, Subscription
from signoff_schemas.timers import ActivateJob
from signoff_schemas.values import JobKind, JobMark, JobState, ProcessReference

EVERYTHING = 1_000


def job(
    key: int,
    state: JobState = JobState.ACTIVATABLE,
    *,
    job_type: str = "check",
    priority: int = 0,
    tenant: str = "<default>",
    subscriber: str = "",
) -> Job:
    return Job(
        key=key,
        process_instance_key=key + 1_000_000,
        process=ProcessReference(1, "p", 1),
        tenant=tenant,
        job_type=job_type,
        kind=JobKind.TASK_LISTENER,
        listener_event=None,
        element_id="e",
        element_instance_key=2,
        headers={},
        task=None,
        state=state,
        mark=JobMark.CREATED,
        retries=3,
        created_at=key,
        updated_at=key,
        subscriber=subscriber,
        priority=priority,
    )


def grant(count: int, *, slot: str = "a", job_type: str = "check", tenant: str = "") -> Grant:
    return Grant(slot, job_type, count, tenants=(tenant or "<default>",))


def subscription(name: str, *grants: Grant, received: int = 0) -> Subscription:
    return Subscription(subscriber=name, inbox=0, grants=grants, received=received)


def queue_of(*jobs: Job, now: int = 0) -> Dispatcher:
    dispatcher = Dispatcher(1)
    dispatcher.observe(jobs, (), now)
    return dispatcher


def activate(dispatcher: Dispatcher, now: int = 0) -> list[ActivateJob]:
    """Match, and say of each match that a step has activated it."""
    matched = dispatcher.match(now, EVERYTHING)
    for each in matched:
        held = job(each.job_key, JobState.ACTIVATED, subscriber=each.subscriber)
        dispatcher.observe([held], {held.key}, now)
    return matched


def keys(matched: list[ActivateJob]) -> list[int]:
    return [each.job_key for each in matched]


def rung(dispatcher: Dispatcher, now: int = 0) -> list[tuple[str, str]]:
    dispatcher.match(now, EVERYTHING)
    messages = [each.message for each in dispatcher.rings(now)]
    assert all(isinstance(each, Ring) for each in messages)
    return [(each.subscriber, each.job_type) for each in messages if isinstance(each, Ring)]


def test_highest_priority_goes_first_then_the_oldest() -> None:
    dispatcher = queue_of(job(3), job(1), job(2, priority=5), job(4, priority=5))
    dispatcher.subscribe(subscription("w", grant(4)), 0)
    assert keys(activate(dispatcher)) == [2, 4, 1, 3]


@pytest.mark.parametrize(("priority", "order"), [(9, [2, 1, 3]), (-9, [1, 3, 2])])
def test_a_job_with_a_new_priority_moves_in_its_queue(priority: int, order: list[int]) -> None:
    dispatcher = queue_of(job(1), job(2), job(3))
    dispatcher.observe([job(2, priority=priority)], {2}, 0)
    dispatcher.subscribe(subscription("w", grant(3)), 0)
    assert keys(activate(dispatcher)) == order
    assert dispatcher.backlog() == {}


def test_nothing_leaves_without_credit() -> None:
    dispatcher = queue_of(*map(job, range(1, 6)))
    dispatcher.subscribe(subscription("w", grant(2)), 0)
    assert keys(activate(dispatcher)) == [1, 2]
    assert activate(dispatcher) == []


def test_pushes_that_crossed_a_grant_count_against_it() -> None:
    dispatcher = queue_of(*map(job, range(1, 10)))
    dispatcher.subscribe(subscription("w", grant(3)), 0)
    assert keys(activate(dispatcher)) == [1, 2, 3]
    dispatcher.subscribe(subscription("w", grant(3), received=1), 0)
    assert keys(activate(dispatcher)) == [4]


def test_crossing_pushes_count_against_their_own_slot_only() -> None:
    dispatcher = queue_of(job(1), job(2, job_type="sign"), job(3), job(4, job_type="sign"))
    both = (grant(1), grant(1, slot="b", job_type="sign"))
    dispatcher.subscribe(subscription("w", *both), 0)
    assert keys(activate(dispatcher)) == [1, 2]
    dispatcher.subscribe(subscription("w", *both, received=1), 0)
    assert keys(activate(dispatcher)) == [3]


def test_the_owner_before_us_may_have_pushed() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(1), received=700), 0)
    assert keys(activate(dispatcher)) == [1]
    dispatcher.subscribe(subscription("w", grant(1), received=701), 0)
    assert keys(activate(dispatcher)) == [2]


def test_a_lost_push_does_not_cost_credit_for_ever() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    activate(dispatcher)
    later = LOST_MS + 1
    dispatcher.subscribe(subscription("w", grant(1), received=0), later)
    assert keys(activate(dispatcher, later)) == [2]


def test_slots_take_turns() -> None:
    dispatcher = queue_of(*map(job, range(1, 7)))
    for name in ("a", "b", "c"):
        dispatcher.subscribe(subscription(name, grant(2)), 0)
    given = [each.subscriber for each in activate(dispatcher)]
    assert given == ["a", "b", "c", "a", "b", "c"]


def test_a_heartbeat_does_not_cost_the_turn() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("a", grant(5)), 0)
    dispatcher.subscribe(subscription("b", grant(5)), 0)
    activate(dispatcher)
    dispatcher.subscribe(subscription("b", grant(5)), 0)
    dispatcher.observe([job(2)], (), 0)
    assert [each.subscriber for each in activate(dispatcher)] == ["b"]


def test_a_tenant_gets_its_own_jobs_only() -> None:
    dispatcher = queue_of(job(1, tenant="blue"), job(2, tenant="red"))
    dispatcher.subscribe(subscription("w", grant(5, tenant="red")), 0)
    assert keys(activate(dispatcher)) == [2]


def test_a_job_that_left_the_queue_is_not_matched() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.observe([job(1, JobState.CANCELED)], {1}, 0)
    dispatcher.subscribe(subscription("w", grant(5)), 0)
    assert keys(activate(dispatcher)) == [2]


def test_credit_comes_back_when_a_planned_job_is_gone() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    assert keys(dispatcher.match(0, EVERYTHING)) == [1]
    dispatcher.observe([job(1, JobState.CANCELED)], {1}, 0)
    assert not dispatcher.is_planned(1)
    assert keys(activate(dispatcher)) == [2]


def test_a_returned_job_is_queued_again() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    activate(dispatcher)
    dispatcher.observe([job(1)], (), 0)
    dispatcher.subscribe(subscription("w", grant(1), received=1), 0)
    assert keys(activate(dispatcher)) == [1]


def test_rings_once_while_there_is_no_credit() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("w", grant(0)), 0)
    assert rung(dispatcher) == [("w", "check")]
    dispatcher.subscribe(subscription("w", grant(0)), 10)
    dispatcher.observe([job(2)], (), 10)
    assert rung(dispatcher, 10) == []


def test_rings_again_after_credit_was_used_up_or_the_ring_was_lost() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(0)), 0)
    assert rung(dispatcher) == [("w", "check")]
    dispatcher.subscribe(subscription("w", grant(1)), 1)
    assert keys(activate(dispatcher, 1)) == [1]
    assert rung(dispatcher, 1) == [("w", "check")]
    dispatcher.subscribe(subscription("w", grant(0), received=1), 2)
    assert rung(dispatcher, 2) == []
    dispatcher.subscribe(subscription("w", grant(0), received=1), 1 + RING_AGAIN_MS)
    assert rung(dispatcher, 1 + RING_AGAIN_MS) == [("w", "check")]


def test_rings_only_those_that_serve_the_type() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("w", grant(0, job_type="sign")), 0)
    assert rung(dispatcher) == []


def test_silence_stops_pushes_at_once_and_returns_jobs_after_the_grace() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    activate(dispatcher)
    dispatcher.subscribe(subscription("w", grant(1), received=1), 0)
    assert activate(dispatcher, SILENT_MS) == []
    assert dispatcher.silent(GRACE_MS - 1) == []
    assert dispatcher.silent(GRACE_MS) == [1]
    assert dispatcher.is_orphan(1)
    assert dispatcher.silent(GRACE_MS + 1) == []


def test_a_sign_of_life_lets_jobs_flow_again() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    assert dispatcher.match(SILENT_MS, EVERYTHING) == []
    dispatcher.subscribe(subscription("w", grant(1)), SILENT_MS)
    assert keys(activate(dispatcher, SILENT_MS)) == [1]


def test_goodbye_returns_what_it_holds_and_frees_what_was_planned() -> None:
    dispatcher = queue_of(job(1), job(2))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    activate(dispatcher)
    dispatcher.subscribe(subscription("w", grant(1), received=1), 0)
    assert keys(dispatcher.match(0, EVERYTHING)) == [2]
    assert dispatcher.goodbye("w") == [1]
    assert not dispatcher.is_planned(2)
    dispatcher.subscribe(subscription("x", grant(5)), 0)
    assert keys(activate(dispatcher)) == [2]


def test_an_orphan_that_was_completed_meanwhile_is_none() -> None:
    dispatcher = queue_of(job(1))
    dispatcher.subscribe(subscription("w", grant(1)), 0)
    activate(dispatcher)
    dispatcher.goodbye("w")
    dispatcher.observe([job(1, JobState.COMPLETED)], (), 0)
    assert not dispatcher.is_orphan(1)


def test_after_a_takeover_holders_have_the_grace_to_be_heard() -> None:
    dispatcher = Dispatcher(1)
    dispatcher.restore({}, [(1, "silent"), (2, "alive")], 100)
    dispatcher.subscribe(subscription("alive", grant(0)), GRACE_MS)
    assert dispatcher.silent(100 + GRACE_MS) == [1]
    assert not dispatcher.is_orphan(2)


def test_after_a_takeover_the_queue_comes_from_the_store() -> None:
    dispatcher = Dispatcher(1)
    dispatcher.restore({"check": 3}, [], 0)
    assert dispatcher.short() == ["check"]
    assert dispatcher.backlog() == {"check": (3, 0)}
    front = [QueuedJob(key, "check", "<default>", 0, key) for key in (1, 2)]
    dispatcher.refill("check", front, more=True)
    dispatcher.subscribe(subscription("w", grant(5)), 0)
    assert keys(activate(dispatcher)) == [1, 2]
    assert dispatcher.short() == ["check"]
    dispatcher.refill("check", [QueuedJob(3, "check", "<default>", 0, 3)], more=False)
    assert keys(activate(dispatcher)) == [3]
    assert dispatcher.short() == []
    assert dispatcher.backlog() == {}


def test_a_long_queue_keeps_its_front_and_its_order() -> None:
    dispatcher = Dispatcher(1, backlog_max=3)
    waiting = {key: job(key, priority=key % 2) for key in range(1, 11)}
    dispatcher.observe(waiting.values(), (), 0)
    dispatcher.subscribe(subscription("w", grant(100)), 0)
    assert dispatcher.backlog()["check"][0] == 10
    order = sorted(waiting.values(), key=lambda each: (-each.priority, each.key))
    taken: list[int] = []
    for _ in range(10):
        taken += keys(activate(dispatcher))
        for job_type in dispatcher.short():
            left = [each for each in order if each.key not in taken]
            front = [QueuedJob(e.key, "check", e.tenant, e.priority, e.key) for e in left[:2]]
            dispatcher.refill(job_type, front, more=len(left) > 2)
    assert taken == [each.key for each in order]


def test_the_backlog_shows_count_and_oldest() -> None:
    dispatcher = queue_of(job(5), job(7), job(9, job_type="sign"))
    assert dispatcher.backlog() == {"check": (2, 5), "sign": (1, 9)}


def test_too_many_waiting_jobs_exhaust_their_type() -> None:
    dispatcher = Dispatcher(1, waits_max=2)
    dispatcher.observe([job(1), job(2), job(3, job_type="sign")], (), 0)
    dispatcher.match(0, EVERYTHING)
    assert dispatcher.exhausted == {"check"}
    dispatcher.observe([job(1, JobState.CANCELED)], {1}, 0)
    dispatcher.match(0, EVERYTHING)
    assert dispatcher.exhausted == set()


@dataclass
class Worker:
    """A subscriber that counts as the wire says: cumulative, in the order of arrival."""

    pushed: list[str] = field(default_factory=list)
    received: int = 0
    caps: dict[str, int] = field(default_factory=dict)
    """Slot → how many of its pushes, since the beginning, the last subscription allows."""
    heard: int = -SILENT_MS


SLOTS = {"a": "check", "b": "check", "c": "sign"}
WORKERS = ("w1", "w2")


class Dispatching(RuleBasedStateMachine):
    """Whatever happens in whatever order: credit is kept, nothing starves, nobody shares a job."""

    @initialize()
    def begin(self) -> None:
        self.dispatcher = Dispatcher(1, backlog_max=2)
        self.now = 0
        self.last_key = 0
        self.types: dict[int, str] = {}
        self.priorities: dict[int, int] = {}
        self.waiting: set[int] = set()
        self.holders: dict[int, str] = {}
        self.workers = {name: Worker() for name in WORKERS}

    def see(self, key: int, state: JobState, subscriber: str = "", *, waited: bool = False) -> None:
        priority = self.priorities.get(key, 0)
        seen = job(key, state, job_type=self.types[key], subscriber=subscriber, priority=priority)
        self.dispatcher.observe([seen], {key} if waited else (), self.now)

    @rule(job_type=st.sampled_from(("check", "sign")))
    def create(self, job_type: str) -> None:
        self.last_key += 1
        self.types[self.last_key] = job_type
        self.waiting.add(self.last_key)
        self.see(self.last_key, JobState.ACTIVATABLE)

    @rule(
        name=st.sampled_from(WORKERS),
        counts=st.dictionaries(st.sampled_from(sorted(SLOTS)), st.integers(0, 3)),
        late=st.integers(0, 3),
    )
    def subscribe(self, name: str, counts: dict[str, int], late: int) -> None:
        """``late``: how many of the pushes it had not received when it wrote."""
        worker = self.workers[name]
        worker.received = max(worker.received, len(worker.pushed) - late)
        had = worker.pushed[: worker.received]
        worker.caps = {slot: had.count(slot) + count for slot, count in counts.items()}
        worker.heard = self.now
        grants = [grant(count, slot=s, job_type=SLOTS[s]) for s, count in counts.items()]
        self.dispatcher.subscribe(subscription(name, *grants, received=worker.received), self.now)

    @rule(failing=st.integers(0, 2))
    def run(self, failing: int) -> None:
        """Match and step; the first few steps find that the job is gone."""
        matched = self.dispatcher.match(self.now, EVERYTHING)
        while short := self.dispatcher.short():
            for job_type in short:
                self.refill(job_type, {each.job_key for each in matched})
            matched += self.dispatcher.match(self.now, EVERYTHING)
        for each in matched:
            key, worker = each.job_key, self.workers[each.subscriber]
            assert key in self.waiting
            assert key not in self.holders
            assert self.now - worker.heard < SILENT_MS
            assert SLOTS[each.slot] == self.types[key]
            self.waiting.discard(key)
            if failing:
                failing -= 1
                self.dispatcher.forget(key)
                continue
            worker.pushed.append(each.slot)
            assert worker.pushed.count(each.slot) <= worker.caps[each.slot]
            self.holders[key] = each.subscriber
            self.see(key, JobState.ACTIVATED, each.subscriber, waited=True)
        for name, worker in self.workers.items():
            if self.now - worker.heard < SILENT_MS:
                for slot, cap in worker.caps.items():
                    if worker.pushed.count(slot) < cap and not self.dispatcher.restless:
                        assert not [k for k in self.waiting if self.types[k] == SLOTS[slot]], name

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), back=st.booleans())
    def finish(self, *, data: st.DataObject, back: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.holders)))
        del self.holders[key]
        if back:
            self.waiting.add(key)
        self.see(key, JobState.ACTIVATABLE if back else JobState.COMPLETED)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting.discard(key)
        self.see(key, JobState.CANCELED, waited=True)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), priority=st.integers(-1, 1))
    def move(self, data: st.DataObject, priority: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.waiting)))
        self.priorities[key] = priority
        self.see(key, JobState.ACTIVATABLE, waited=True)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), canceled=st.booleans())
    def fail(self, data: st.DataObject, *, canceled: bool) -> None:
        """It waits for a person, or is cancelled while it does: it is in no queue."""
        key = data.draw(st.sampled_from(sorted(self.holders)))
        del self.holders[key]
        self.see(key, JobState.FAILED)
        if canceled:
            self.see(key, JobState.CANCELED)

    def refill(self, job_type: str, planned: set[int]) -> None:
        """As the store has it: what is planned still waits there."""
        of_type = [key for key in self.waiting if self.types[key] == job_type]
        there = [
            QueuedJob(key, job_type, "<default>", self.priorities.get(key, 0), key)
            for key in of_type
        ]
        there.sort(key=lambda each: each.order)
        size = 2 + len(planned)
        self.dispatcher.refill(job_type, there[:size], more=len(there) > size)

    @rule(name=st.sampled_from(WORKERS))
    def leave(self, name: str) -> None:
        gone = self.dispatcher.goodbye(name)
        assert gone == sorted(key for key, holder in self.holders.items() if holder == name)
        self.workers[name] = Worker()
        for key in gone:
            del self.holders[key]
            self.waiting.add(key)
            self.see(key, JobState.ACTIVATABLE)

    @rule(ms=st.integers(1, 4_000))
    def wait(self, ms: int) -> None:
        """Pushes arrive in much less than it takes to count as lost."""
        self.now += ms
        for name, worker in self.workers.items():
            if worker.heard > -SILENT_MS and worker.received < len(worker.pushed):
                self.subscribe(name, dict.fromkeys(worker.caps, 1), 0)

    @invariant()
    def counts(self) -> None:
        counts = {name: count for name, (count, _) in self.dispatcher.backlog().items() if count}
        assert counts == Counter(self.types[key] for key in self.waiting)


Dispatching.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestDispatching = Dispatching.TestCase
