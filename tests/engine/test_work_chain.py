"""Chains of assignments: whose turn it is after release, skip, reassignment and expiry."""

from typing import Any

import pytest

from signoff_schemas.commands import CancelProcess, UpdateTask
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.timers import ExpireAssignment
from signoff_schemas.values import Listener, ListenerEvent, ProcessState
from signoff_schemas.work import EXHAUSTED, Assignment, Ending, Person
from tests.support.engine import Bench, refusal_of, result_of, types_of
from tests.support.shared_work import (
    ROOT,
    finish,
    group,
    line,
    reassign,
    release,
    remove,
    save,
    seen,
    skip,
    take,
    user,
)

MINUTE = 60_000


def due_at(bench: Bench, key: int) -> int | None:
    work = bench.task(key).work
    assert work is not None
    return work.due_at


def test_chain_begins_when_the_task_is_created() -> None:
    bench = Bench()

    key = bench.share(Listener(ListenerEvent.CREATING, "c"), assignments=[group("g", 5)])

    assert seen(bench.task(key)) == "PENDING - - -"
    assert bench.log(key) == []
    done = bench.complete_listener(key)
    assert types_of(done) == [
        "job.completed",
        "user_task.created",
        "user_task.assigning",
        "user_task.assigned",
    ]
    assert seen(bench.task(key)) == "ASSIGNED group:g - 0"
    assert bench.task(key).attributes.candidate_groups == ("g",)
    assert due_at(bench, key) == bench.now + 5 * MINUTE


@pytest.mark.parametrize("exhaustion", ["LEAVE_OPEN", "TERMINATE", None])
def test_task_without_assignments_is_open(exhaustion: str | None) -> None:
    bench = Bench()

    key = bench.share(exhaustion=exhaustion)

    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"
    assert due_at(bench, key) is None


@pytest.mark.parametrize(
    ("first", "after"),
    [
        (user("john", 5), "CLAIMED john john 0"),
        (user("x", external=True), "CLAIMED external:x external:x 0"),
        (group("g", 5), "ASSIGNED group:g - 0"),
    ],
)
def test_auto_claim_is_for_users(first: dict[str, Any], after: str) -> None:
    bench = Bench()

    key = bench.share(assignments=[first], auto_claim=True)

    assert seen(bench.task(key)) == after
    assert (due_at(bench, key) is None) is after.startswith("CLAIMED")
    if after.startswith("CLAIMED"):
        who = after.split()[1]
        assert [line(each) for each in bench.log(key)] == [
            f"ASSIGNMENT ASSIGNED system: {who}",
            f"CLAIM CLAIMED system: {who} by {who}",
        ]


def test_release_gives_an_overridden_task_back_to_the_assignment() -> None:
    bench = Bench()
    key = bench.share(assignments=[group("g", 5)])
    bench.send(take(key, "jane", override=True), principal=ROOT)
    claimed_until = due_at(bench, key)
    bench.now += 9 * MINUTE

    bench.send(release(key), principal=ROOT)

    assert claimed_until is None
    assert seen(bench.task(key)) == "ASSIGNED group:g - 0"
    assert due_at(bench, key) == bench.now + 5 * MINUTE


def test_release_of_an_open_task_opens_it() -> None:
    bench = Bench()
    key = bench.share()
    bench.send(take(key, "john"), principal=ROOT)

    bench.send(release(key), principal=ROOT)

    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"
    assert [line(each) for each in bench.log(key)][-2:] == [
        "RELEASE PENDING root: -",
        "ASSIGNMENTS_COMPLETED ASSIGNED system: -",
    ]


def test_only_claimed_tasks_are_released() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john")])

    refusal = refusal_of(bench.send(release(key), principal=ROOT))

    assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.TASK_NOT_TAKEN)
    assert refusal.values == {"verb": "release", "key": str(key)}


def test_skip_goes_through_the_chain_to_the_open() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5), group("g")])

    bench.send(skip(key, "on leave"), principal=ROOT)
    second = (seen(bench.task(key)), due_at(bench, key), bench.task(key).attributes)
    bench.send(skip(key), principal=ROOT)

    assert second[:2] == ("ASSIGNED group:g - 1", None)
    assert (second[2].assignee, second[2].candidate_groups) == ("", ("g",))
    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"
    assert bench.task(key).attributes.candidate_groups == ()
    work = bench.task(key).work
    assert work is not None
    assert work.skipped == (0, 1)
    assert [line(each) for each in bench.log(key)][1:] == [
        "SKIP PENDING root: john (on leave)",
        "ASSIGNMENT ASSIGNED system: group:g",
        "SKIP PENDING root: group:g",
        "ASSIGNMENTS_COMPLETED ASSIGNED system: -",
    ]


def test_skip_needs_an_unclaimed_assignee() -> None:
    bench = Bench()
    taken, unassigned = bench.share(assignments=[user("john")]), bench.share()
    bench.send(take(taken, "john"), principal=ROOT)

    codes = [refusal_of(bench.send(skip(key), principal=ROOT)).code for key in (taken, unassigned)]

    assert codes == [Code.TASK_TAKEN, Code.TASK_UNASSIGNED]


@pytest.mark.parametrize("how", ["skip", "expire"])
def test_end_of_the_chain_may_end_the_instance(how: str) -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5)], exhaustion="TERMINATE")
    process = bench.instance(key).process.key
    bench.now += 5 * MINUTE

    if how == "skip":
        done = bench.send(skip(key, "gone"), principal=ROOT)
        assert result_of(done) == {}
    else:
        done = bench.fire(ExpireAssignment(task_key=key))

    assert seen(bench.ended(key)) == "DELETED - - - exhausted"
    assert bench.ended(key).attributes.assignee == ""
    ended = done.touched.processes[process]
    assert (ended.state, ended.ending, ended.reason) == (
        ProcessState.TERMINATED,
        Ending.FAILED,
        EXHAUSTED,
    )
    first = "SKIP DELETED root: john (gone)"
    if how == "expire":
        first = "ASSIGNMENT_EXPIRED DELETED system: john"
    assert [line(each) for each in bench.log(key)][1:] == [
        first,
        "ASSIGNMENTS_COMPLETED DELETED system: -",
    ]
    assert bench.replayed()[0] == bench.world.instances == {}


def test_reassignment_replaces_the_chain() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john"), user("jane")], triggers=[])
    bench.send(skip(key), principal=ROOT)

    chain = (Assignment(Person("g", group=True), 7), Assignment(Person("ann")))
    bench.send(reassign(key, *chain), principal=ROOT)

    task = bench.task(key)
    assert seen(task) == "ASSIGNED group:g - 0"
    assert task.policy is not None
    assert task.policy.assignments == chain
    assert task.work is not None
    assert (task.work.skipped, task.work.due_at) == ((), bench.now + 7 * MINUTE)
    assert [line(each) for each in bench.log(key)][-2:] == [
        "REASSIGN PENDING root: jane",
        "ASSIGNMENT ASSIGNED system: group:g",
    ]


def test_reassignment_to_nobody_opens_the_task_whatever_its_exhaustion() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john")], exhaustion="TERMINATE")

    bench.send(reassign(key), principal=ROOT)

    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"


def test_claimed_task_is_not_reassigned() -> None:
    bench = Bench()
    key = bench.share()
    bench.send(take(key, "john"), principal=ROOT)

    refusal = refusal_of(bench.send(reassign(key), principal=ROOT))

    assert (refusal.code, refusal.values["claimant"]) == (Code.TASK_TAKEN, "john")


def test_expiry_is_the_next_ones_turn_and_fires_once() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5), user("jane", 1), user("ann", 0)])

    bench.now += 5 * MINUTE - 1
    early = bench.fire(ExpireAssignment(task_key=key))
    bench.now += 1
    first = bench.fire(ExpireAssignment(task_key=key))
    again = bench.fire(ExpireAssignment(task_key=key))
    bench.now += MINUTE
    bench.fire(ExpireAssignment(task_key=key))
    bench.now += 1_000 * MINUTE
    never = bench.fire(ExpireAssignment(task_key=key))

    assert (early.events, again.events, never.events) == ((), (), ())
    assert types_of(first) == ["user_task.assigning", "user_task.assigned"]
    assert seen(bench.task(key)) == "ASSIGNED ann - 2"
    assert [line(each) for each in bench.log(key)][1:3] == [
        "ASSIGNMENT_EXPIRED PENDING system: john",
        "ASSIGNMENT ASSIGNED system: jane",
    ]


def test_claimed_task_does_not_expire() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5)])
    bench.send(take(key, "john"), principal=ROOT)
    bench.now += 9 * MINUTE

    assert bench.fire(ExpireAssignment(task_key=key)).events == ()


def test_expiry_waits_for_the_listeners_of_something_else() -> None:
    bench = Bench()
    key = bench.share(Listener(ListenerEvent.UPDATING, "u"), assignments=[user("john", 5)])
    bench.now += 5 * MINUTE
    bench.send(UpdateTask(task_key=key, changes={"priority": 1}))

    waits = bench.fire(ExpireAssignment(task_key=key))
    bench.complete_listener(key)
    bench.fire(ExpireAssignment(task_key=key))

    assert waits.events == ()
    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"


def test_denied_expiry_leaves_the_task_to_its_assignee_for_good() -> None:
    bench = Bench()
    key = bench.share(Listener(ListenerEvent.ASSIGNING, "a"), assignments=[user("john", 5)])
    bench.complete_listener(key)
    bench.now += 5 * MINUTE
    bench.fire(ExpireAssignment(task_key=key))
    assert bench.job(key).task is not None

    bench.complete_listener(key, denied=True)

    assert seen(bench.task(key)) == "ASSIGNED john - 0"
    assert due_at(bench, key) is None
    assert len(bench.log(key)) == 1
    assert bench.replayed()[0] == bench.world.instances


def test_timer_of_an_ended_task_does_nothing() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5)])
    bench.send(finish(key), principal=ROOT)
    work = bench.ended(key).work
    bench.now += 9 * MINUTE

    assert bench.fire(ExpireAssignment(task_key=key)).events == ()
    assert work is not None
    assert (work.due_at, work.assignee) == (None, Person("john"))


def test_removed_task_leaves_its_instance_where_it_is() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5)])
    bench.send(take(key, "john"), principal=ROOT)
    process = bench.instance(key).process.key

    done = bench.send(remove(key), principal=ROOT)

    assert result_of(done) == {}
    assert seen(bench.ended(key)) == "DELETED john john 0"
    assert bench.instance(process).process.state is ProcessState.ACTIVE
    again = refusal_of(bench.send(remove(key), principal=ROOT))
    assert again.code is Code.TASK_NOT_FOUND
    bench.send(CancelProcess(process_instance_key=process))
    assert bench.world.instances == {}


def test_removal_takes_what_is_under_way_out_of_the_way() -> None:
    bench = Bench()
    key = bench.share(Listener(ListenerEvent.UPDATING, "u"))
    process = bench.instance(key).process.key
    bench.send(save(key, x=1), principal=ROOT)

    done = bench.send(remove(key), principal=ROOT)

    assert types_of(done)[0] == "job.canceled"
    assert done.answered is not None
    assert done.answered.rejection is not None
    assert done.answered.rejection.code is Code.TRANSITION_CANCELED
    assert (bench.instance(process).task, bench.instance(process).job) == (None, None)


@pytest.mark.parametrize(
    "assignment",
    [
        Assignment(Person("")),
        Assignment(Person("a\0")),
        Assignment(Person("john"), -1),
        Assignment(Person("john"), 1 << 60),
    ],
)
def test_unstorable_assignment_is_refused(assignment: Assignment) -> None:
    bench = Bench()
    key = bench.share()

    refusal = refusal_of(bench.send(reassign(key, assignment), principal=ROOT))

    assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": "assignments"})
