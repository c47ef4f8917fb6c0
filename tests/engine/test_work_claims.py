"""Who may claim what: every row of the tables, and what a claim changes."""

from typing import Any

import pytest

from signoff_schemas.commands import AssignTask, ClaimTask, CompleteTask
from signoff_schemas.principal import Grant, Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.values import Listener, ListenerEvent, TaskState
from signoff_schemas.work import Person
from tests.support.engine import Bench, refusal_of, result_of, types_of
from tests.support.shared_work import (
    ROOT,
    finish,
    group,
    line,
    release,
    seen,
    take,
    told,
    user,
)

NO, YES = "", "override"
ABC = Person("abc", external=True)
OTHERS = "others"


@pytest.mark.parametrize(
    ("assignment", "claimant", "override", "assignee"),
    [
        (None, "john", NO, "-"),
        (None, "john", YES, "-"),
        (user("john"), "john", NO, "john"),
        (user("john"), "john", YES, "john"),
        (group("g"), "john", NO, "group:g"),
        (group("g"), "john", YES, "john"),
        (group("other"), "john", NO, OTHERS),
        (group("other"), "john", YES, "john"),
        (user("jane"), "john", NO, OTHERS),
        (user("jane"), "john", YES, "john"),
        (user("john", external=True), "john", NO, OTHERS),
        (group("g", external=True), "john", NO, OTHERS),
        (group("g", external=True), "john", YES, "john"),
        (None, ABC, NO, "-"),
        (None, ABC, YES, "-"),
        (user("abc", external=True), ABC, NO, "external:abc"),
        (user("xyz", external=True), ABC, NO, OTHERS),
        (user("xyz", external=True), ABC, YES, "external:abc"),
        (group("abc", external=True), ABC, NO, "external group:abc"),
        (group("xyz", external=True), ABC, NO, "external group:xyz"),
        (group("abc", external=True), ABC, YES, "external:abc"),
        (user("abc"), ABC, NO, "abc"),
        (user("jane"), ABC, NO, OTHERS),
        (user("jane"), ABC, YES, "external:abc"),
        (group("members"), ABC, NO, "group:members"),
        (group("other"), ABC, NO, OTHERS),
        (group("other"), ABC, YES, "external:abc"),
    ],
)
def test_row_of_the_claim_tables(
    assignment: dict[str, Any] | None, claimant: str | Person, override: str, assignee: str
) -> None:
    bench = Bench()
    key = bench.share(assignments=[assignment] if assignment else [])
    before = bench.task(key)
    command = take(key, claimant, override=bool(override))
    if claimant is ABC:
        command = command.model_copy(update={"claimant_groups": ("members",)})

    done = bench.send(command, principal=ROOT)

    if assignee == OTHERS:
        refusal = refusal_of(done)
        assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.TASK_OF_OTHERS)
        assert assignment is not None
        assert refusal.values["assignee"] == assignment["assignee"]["id"]
        assert bench.task(key) == before
        return
    standing = "0" if assignment else "- exhausted"
    who = told(command.claimant)
    assert seen(bench.task(key)) == f"CLAIMED {assignee} {who} {standing}"
    assert bench.task(key).policy == before.policy
    assert bench.task(key).attributes.assignee == command.claimant.id
    assert bench.task(key).attributes.candidate_groups == before.attributes.candidate_groups


@pytest.mark.parametrize("override", [NO, YES])
@pytest.mark.parametrize("who", ["john", "jane"])
def test_claimed_task_cannot_be_claimed_even_by_its_claimant(who: str, override: str) -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john")])
    bench.send(take(key, "john"), principal=ROOT)

    refusal = refusal_of(bench.send(take(key, who, override=bool(override)), principal=ROOT))

    assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.TASK_TAKEN)
    assert refusal.values == {"verb": "claim", "key": str(key), "claimant": "john"}


def test_unknown_and_ended_tasks_are_not_found() -> None:
    bench = Bench()
    key = bench.share()
    bench.send(finish(key), principal=ROOT)

    for each in (key, 77):
        refusal = refusal_of(bench.send(take(each, "john"), principal=ROOT))
        assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.TASK_NOT_FOUND)


def test_claim_tells_all_that_it_changed() -> None:
    bench = Bench()
    key = bench.share(assignments=[group("g", 5)])
    created_at = bench.now
    bench.now += 10

    result = result_of(bench.send(take(key, "john"), principal=ROOT))

    assert result == {
        "work": {
            "assignee": {"id": "g", "group": True},
            "claimant": {"id": "john"},
            "index": 0,
        },
        "at": created_at + 10,
        "updated_at": created_at,
        "logged": 2,
    }
    assert (bench.task(key).updated_at, bench.task(key).updated_by) == (created_at + 10, "root")


def test_of_concurrent_claims_exactly_one_wins() -> None:
    bench = Bench()
    key = bench.share(Listener(ListenerEvent.ASSIGNING, "ask"))
    names = [f"user-{number}" for number in range(20)]

    done = [bench.send(take(key, name), principal=ROOT) for name in names]
    bench.complete_listener(key)

    refused = [refusal_of(each).code for each in done if each.outcome is not None]
    assert refused == [Code.TASK_IN_STATE] * 19
    assert seen(bench.task(key)) == "CLAIMED - user-0 - exhausted"
    late = [refusal_of(bench.send(take(key, name), principal=ROOT)).code for name in names]
    assert late == [Code.TASK_TAKEN] * 20


def test_claim_is_one_transition_with_a_job_that_says_so() -> None:
    bench = Bench()
    key = bench.share(Listener(ListenerEvent.ASSIGNING, "ask"))

    bench.send(take(key, "john"), principal=ROOT)

    job = bench.job(key)
    assert (job.listener_event, job.job_type) == (ListenerEvent.ASSIGNING, "ask")
    assert job.task is not None
    assert (job.task.action, job.task.attributes.assignee) == ("claim", "john")
    assert (bench.task(key).state, seen(bench.task(key))) == (
        TaskState.CLAIMING,
        "ASSIGNED - - - exhausted",
    )
    done = bench.complete_listener(key)
    assert types_of(done) == ["job.completed", "user_task.assigned"]
    assert done.answered is not None
    assert done.answered.result["work"] == {"claimant": {"id": "john"}, "exhausted": True}


@pytest.mark.parametrize("assignee", ["", "ann"])
def test_task_without_a_policy_is_claimed_and_goes_back_to_its_assignee(assignee: str) -> None:
    bench = Bench()
    key = bench.create(assignee=assignee, candidate_groups='=["a","b"]')
    standing = "0" if assignee else "- exhausted"

    bench.send(take(key, "john", override=True), principal=ROOT)
    claimed = seen(bench.task(key))
    bench.send(release(key), principal=ROOT)

    assert claimed == f"CLAIMED {'john' if assignee else '-'} john {standing}"
    assert seen(bench.task(key)) == f"ASSIGNED {assignee or '-'} - {standing}"
    assert bench.task(key).attributes.assignee == assignee
    assert bench.task(key).attributes.candidate_groups == ("a", "b")


def test_plain_claim_is_a_claim_to_those_who_share_work_too() -> None:
    bench = Bench()
    key = bench.share(assignments=[group("g")])

    bench.send(ClaimTask(task_key=key, assignee="ann"))

    assert seen(bench.task(key)) == "CLAIMED ann ann 0"
    assert line(bench.log(key)[-1]) == "CLAIM CLAIMED demo: ann by ann"
    refusal = refusal_of(bench.send(take(key, "john", override=True), principal=ROOT))
    assert refusal.code is Code.TASK_TAKEN
    bench.send(release(key), principal=ROOT)
    assert seen(bench.task(key)) == "ASSIGNED group:g - 0"


def test_shared_claim_is_a_claim_to_plain_callers_too() -> None:
    bench = Bench()
    key = bench.share(assignments=[group("g")])
    bench.send(take(key, "john"), principal=ROOT)

    refusal = refusal_of(bench.send(ClaimTask(task_key=key, assignee="ann")))

    assert refusal.code is Code.CLAIM_ASSIGNED


def test_somebody_elses_user_is_not_ours_of_the_same_id() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("ann", external=True)])
    ann = Principal("ann", grants=(Grant("USER_TASK", "*", ("CLAIM",)),))
    back = AssignTask(task_key=key, assignee="")

    asked = [bench.send(ClaimTask(task_key=key, assignee="ann")), bench.send(back, principal=ann)]
    bench.send(take(key, Person("ann", external=True)), principal=ROOT)
    asked += [bench.send(ClaimTask(task_key=key, assignee="ann")), bench.send(back, principal=ann)]

    refusals = [refusal_of(done).code for done in asked]
    assert refusals == [Code.CLAIM_ASSIGNED, Code.FORBIDDEN, Code.CLAIM_ASSIGNED, Code.FORBIDDEN]
    assert seen(bench.task(key)) == "CLAIMED external:ann external:ann 0"


@pytest.mark.parametrize(
    ("assignee", "after", "logged"),
    [
        ("ann", "ASSIGNED ann - 0", "ASSIGNMENT ASSIGNED demo: ann"),
        ("", "ASSIGNED - - - exhausted", "ASSIGNMENTS_COMPLETED ASSIGNED demo: -"),
    ],
)
def test_plain_assignment_replaces_chain_and_claimant(
    assignee: str, after: str, logged: str
) -> None:
    bench = Bench()
    key = bench.share(assignments=[group("g", 5), user("jane")])
    bench.send(take(key, "john"), principal=ROOT)

    bench.send(AssignTask(task_key=key, assignee=assignee))

    assert seen(bench.task(key)) == after
    assert line(bench.log(key)[-1]) == logged
    work = bench.task(key).work
    assert work is not None
    assert work.due_at is None


def test_completion_keeps_the_claimant() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john")])
    bench.send(take(key, "john"), principal=ROOT)

    bench.send(CompleteTask(task_key=key))

    assert seen(bench.ended(key)) == "COMPLETED john john 0"


@pytest.mark.parametrize(
    "claimant", [Person(""), Person("a\0b"), Person("x" * 501), Person("\ud800")]
)
def test_claimant_who_cannot_be_stored_is_refused(claimant: Person) -> None:
    bench = Bench()
    key = bench.share()

    refusal = refusal_of(bench.send(take(key, claimant), principal=ROOT))

    assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": "claimant"})


def test_claim_of_another_tenants_task_finds_none() -> None:
    bench = Bench()
    key = bench.share()
    stranger = ROOT.__class__("stranger", roles=ROOT.roles, tenants=("other",))

    refusal = refusal_of(bench.send(take(key, "john"), principal=stranger))

    assert refusal.code is Code.TASK_NOT_FOUND


def test_plain_claim_tells_nothing() -> None:
    bench = Bench()
    key = bench.create()

    assert result_of(bench.send(ClaimTask(task_key=key, assignee="ann"))) == {}
