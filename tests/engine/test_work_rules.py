"""Shared work and everything else of a task: access, output, listeners, triggers, policies."""

from typing import Any

import pytest

from signoff_broker.engine.state import Settings
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    SetVariables,
    UpdateTask,
    Withdraw,
)
from signoff_schemas.principal import Access, Grant, Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.values import Listener, ListenerEvent, ProcessState
from signoff_schemas.work import (
    Assignment,
    Person,
)
from signoff_schemas.work_commands import ReleaseTask, SaveOutput, TakeTask
from tests.support.engine import (
    MODELLER,
    SOMEBODY,
    Bench,
    refusal_of,
    result_of,
)
from tests.support.shared_work import (
    JANE,
    JOHN,
    ROOT,
    finish,
    group,
    line,
    reassign,
    release,
    save,
    seen,
    skip,
    take,
    user,
)

ASSIGNING = Listener(ListenerEvent.ASSIGNING, "a")
UPDATING = Listener(ListenerEvent.UPDATING, "u")
STRANGER = Principal("stranger")
GRANTED = Principal("granted", grants=(Grant("task", "rule", ("update",)),))
EVERYWHERE = Principal("granted", grants=(Grant("task", "*", ("update",)),))
ELSEWHERE = Principal("granted", grants=(Grant("task", "other", ("update",)),))
READER = Principal("reader", grants=(Grant("task", "rule", ("read",)),))
MEMBER = Principal("member", groups=("g",))
ALL = Access(
    owner=True, assignee=True, claimant=True, anybody_if_open=True, verb="update", kind="task"
)


@pytest.mark.parametrize(
    ("caller", "access", "assignment", "allowed"),
    [
        (ROOT, Access(), user("john"), "yes"),
        (STRANGER, ALL, user("john"), ""),
        (STRANGER, ALL, None, "yes"),
        (STRANGER, Access(owner=True, assignee=True, claimant=True), None, ""),
        (SOMEBODY, Access(owner=True), user("john"), "yes"),
        (MODELLER, Access(owner=True), user("john"), "yes"),
        (Principal("ruler"), Access(owner=True), user("john"), "yes"),
        (SOMEBODY, Access(assignee=True), user("john"), ""),
        (JOHN, Access(assignee=True), user("john"), "yes"),
        (JOHN, Access(owner=True, claimant=True), user("john"), ""),
        (JOHN, Access(assignee=True), user("john", external=True), ""),
        (MEMBER, Access(assignee=True), group("g"), "yes"),
        (MEMBER, Access(assignee=True), group("h"), ""),
        (MEMBER, Access(assignee=True), group("g", external=True), ""),
        (Principal("g"), Access(assignee=True), group("g"), ""),
        (GRANTED, ALL, user("john"), "yes"),
        (EVERYWHERE, ALL, user("john"), "yes"),
        (ELSEWHERE, ALL, user("john"), ""),
        (READER, ALL, user("john"), ""),
        (GRANTED, Access(verb="update", kind="form"), user("john"), ""),
        (GRANTED, Access(), user("john"), ""),
    ],
)
def test_access(
    caller: Principal, access: Access, assignment: dict[str, Any] | None, allowed: str
) -> None:
    bench = Bench()
    key = bench.share(assignments=[assignment] if assignment else [], rule="rule")
    bench.world.settings = _with_owner(bench.world.settings)

    done = bench.send(SaveOutput(task_key=key, access=access), principal=caller)

    if allowed:
        assert result_of(done) == {}
        return
    refusal = refusal_of(done)
    assert (refusal.type, refusal.code) == (RejectionType.FORBIDDEN, Code.TASK_FORBIDDEN)
    assert refusal.values == {"verb": "save", "key": str(key), "target": "rule"}


def _with_owner(settings: Settings) -> Settings:
    return Settings(
        version=settings.version,
        definitions=settings.definitions,
        latest=settings.latest,
        rule_owners={"rule": "ruler", "other": "stranger"},
    )


def test_claimant_may_where_the_assignee_may_not() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("jane")])
    bench.send(take(key, "john", override=True), principal=ROOT)

    access = Access(claimant=True)
    by_jane = bench.send(ReleaseTask(task_key=key, access=access), principal=JANE)
    by_john = bench.send(ReleaseTask(task_key=key, access=access), principal=JOHN)

    assert refusal_of(by_jane).code is Code.TASK_FORBIDDEN
    assert result_of(by_john) == {}


def test_access_comes_before_state_and_after_existence() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john")])
    bench.send(take(key, "john"), principal=ROOT)

    def claim(each: int) -> Code:
        command = TakeTask(task_key=each, claimant=Person("x"), access=Access(assignee=True))
        return refusal_of(bench.send(command, principal=STRANGER)).code

    assert (claim(77), claim(key)) == (Code.TASK_NOT_FOUND, Code.TASK_FORBIDDEN)


def test_grant_on_a_node_without_rule_is_on_its_id() -> None:
    bench = Bench()
    key = bench.create(assignee="ann")
    caller = Principal("granted", grants=(Grant("task", "review", ("update",)),))

    done = bench.send(
        SaveOutput(task_key=key, access=Access(verb="update", kind="task")), principal=caller
    )

    assert result_of(done) == {}


@pytest.mark.parametrize("plain", ["plain", ""])
def test_output_is_merged_by_name_and_leaves_with_the_completion(plain: str) -> None:
    bench = Bench()
    key = bench.share()
    process = bench.instance(key).process.key

    bench.send(save(key, a=1, b={"x": 1}), principal=ROOT)
    bench.send(save(key, b={"y": 2}, c=3), principal=ROOT)
    saved = {name: each.value for name, each in bench.instance(key).variables[key].items()}
    if plain:
        done = bench.send(CompleteTask(task_key=key, variables={"c": 4}))
    else:
        done = bench.send(finish(key, c=4), principal=ROOT)

    assert saved == {"a": 1, "b": {"y": 2}, "c": 3}
    stored = {each.name: each.value for each in done.touched.variables.values()}
    assert stored["c"] == 4
    given = done.touched.processes[process].output
    assert given == {"a": 1, "b": {"y": 2}, "c": 4}


def test_output_of_a_task_without_frame_goes_where_variables_go() -> None:
    bench = Bench()
    task = bench.create()
    process = bench.instance(task).process.key

    bench.send(save(task, a=1), principal=ROOT)
    own = bench.instance(task).variables
    done = bench.send(CompleteTask(task_key=task, variables={"b": 2}))

    assert own.keys() == {task}
    of_process = {
        each.name: each.value
        for each in done.touched.variables.values()
        if each.scope_key == process
    }
    assert of_process == {"a": 1, "b": 2}


def test_saving_is_an_update_to_listeners_and_may_be_denied() -> None:
    bench = Bench()
    key = bench.share(UPDATING, assignments=[user("john")])
    before = bench.task(key)
    bench.send(save(key, a=1), principal=ROOT)
    job = bench.job(key)

    done = bench.complete_listener(key, denied=True, denied_reason="no")

    assert job.task is not None
    assert (job.task.action, job.task.changed) == ("save", ("variables",))
    assert done.answered is not None
    assert done.answered.rejection is not None
    assert done.answered.rejection.values["reason"] == "no"
    assert bench.task(key) == before
    assert key not in bench.instance(key).variables


def test_output_is_held_to_the_limits_as_a_whole() -> None:
    bench = Bench()
    key = bench.share()
    bench.send(save(key, **{f"a{n}": n for n in range(900)}), principal=ROOT)

    more = bench.send(save(key, **{f"b{n}": n for n in range(900)}), principal=ROOT)
    nul = bench.send(finish(key, a="\0"), principal=ROOT)

    for done in (more, nul):
        refusal = refusal_of(done)
        assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": "output"})


@pytest.mark.parametrize("what", ["claim", "release", "skip", "reassign"])
def test_denied_transition_leaves_all_as_it_was(what: str) -> None:
    bench = Bench()
    key = bench.share(ASSIGNING, assignments=[user("john", 5), group("g")])
    bench.complete_listener(key)
    if what == "release":
        bench.send(take(key, "john"), principal=ROOT)
        bench.complete_listener(key)
    before, lines = bench.task(key), bench.log(key)
    commands: dict[str, Command] = {
        "claim": take(key, "jane", override=True),
        "release": release(key),
        "skip": skip(key),
        "reassign": reassign(key, Assignment(Person("ann"))),
    }

    bench.send(commands[what], principal=ROOT)
    told = bench.job(key).task
    bench.complete_listener(key, denied=True)

    assert told is not None
    assert told.action == what
    assert (bench.task(key), bench.log(key)) == (before, lines)


@pytest.mark.parametrize(
    ("chain", "override", "corrected", "after", "logged"),
    [
        ([user("john")], "", "ann", "CLAIMED ann ann 0", "CLAIM CLAIMED root: ann by ann"),
        (
            [group("g")],
            "",
            "ann",
            "CLAIMED group:g ann 0",
            "CLAIM CLAIMED root: group:g by ann",
        ),
        ([group("g")], "over", "ann", "CLAIMED ann ann 0", "CLAIM CLAIMED root: ann by ann"),
        ([], "", "ann", "CLAIMED - ann - exhausted", "CLAIM CLAIMED root: - by ann"),
        ([group("g")], "", "", "ASSIGNED group:g - 0", "CLAIM ASSIGNED root: group:g"),
    ],
)
def test_listener_may_choose_another_claimant(
    chain: list[Any], override: str, corrected: str, after: str, logged: str
) -> None:
    bench = Bench()
    key = bench.share(ASSIGNING, assignments=chain)
    if chain:
        bench.complete_listener(key)
    bench.send(take(key, "john", override=bool(override)), principal=ROOT)

    bench.complete_listener(key, corrections={"assignee": corrected})

    assert seen(bench.task(key)) == after
    assert bench.task(key).attributes.assignee == corrected
    assert line(bench.log(key)[-1]) == logged


def test_listener_may_choose_another_assignee_in_a_chain_and_in_an_update() -> None:
    bench = Bench()
    key = bench.share(ASSIGNING, UPDATING, assignments=[group("g")])

    bench.complete_listener(key, corrections={"assignee": "ann"})
    assigned = seen(bench.task(key)), line(bench.log(key)[-1])
    bench.send(UpdateTask(task_key=key, changes={"priority": 1}))
    bench.complete_listener(key, corrections={"assignee": "bob"})

    assert assigned == ("ASSIGNED ann - 0", "ASSIGNMENT ASSIGNED system: ann")
    assert seen(bench.task(key)) == "ASSIGNED bob - 0"
    assert line(bench.log(key)[-1]) == "ASSIGNMENT ASSIGNED system: bob"


def test_assignee_of_a_chain_cannot_be_corrected_before_it_begins() -> None:
    bench = Bench()
    creating = Listener(ListenerEvent.CREATING, "c")
    key = bench.share(creating, assignments=[group("g")])
    unassigned = bench.share(creating)

    refusal = refusal_of(bench.complete_listener(key, corrections={"assignee": "ann"}))
    bench.complete_listener(unassigned, corrections={"assignee": "ann"})

    assert refusal.code is Code.JOB_ASSIGNEE_MODELLED
    assert seen(bench.task(unassigned)) == "ASSIGNED ann - - exhausted"


def test_withdrawn_claim_leaves_the_task_unclaimed() -> None:
    bench = Bench()
    key = bench.share(ASSIGNING)
    entry = bench.entry(take(key, "john"), principal=ROOT)
    bench.submit(entry)

    bench.send(Withdraw(target=entry.id), principal=ROOT)

    assert seen(bench.task(key)) == "ASSIGNED - - - exhausted"


def test_work_list_is_told_of_all_but_mere_updates() -> None:
    bench = Bench()
    key = bench.create()
    scope = bench.task(key).element_instance_key

    def listed(command: Any) -> bool:
        return key in bench.send(command, principal=ROOT).touched.worklist

    assert key in bench.steps[-1].touched.worklist
    assert not listed(UpdateTask(task_key=key, changes={"priority": 7}))
    assert listed(UpdateTask(task_key=key, changes={"candidate_users": ["u"]}))
    assert listed(UpdateTask(task_key=key, changes={"candidate_groups": ["g"]}))
    assert listed(SetVariables(scope_key=scope, variables={"x": 1}, local=True))
    assert listed(take(key, "john"))
    assert not listed(UpdateTask(task_key=key, changes={"priority": 8}))
    assert listed(save(key, a=1))
    assert listed(save(key)), "who saved it, and when, is in work lists"
    assert listed(release(key))
    assert listed(finish(key))


def test_cancelled_instance_keeps_who_had_the_task() -> None:
    bench = Bench()
    key = bench.share(assignments=[user("john", 5)])
    bench.send(take(key, "john"), principal=ROOT)
    process = bench.instance(key).process.key

    done = bench.send(CancelProcess(process_instance_key=process))

    assert seen(bench.ended(key)) == "DELETED john john 0"
    assert done.touched.processes[process].state is ProcessState.TERMINATED


def test_open_task_without_a_chain_is_for_its_candidates_or_who_is_granted_the_work() -> None:
    bench = Bench()
    key = bench.create()
    open_to_all = Access(anybody_if_open=True)

    def may(caller: Principal) -> bool:
        claim = TakeTask(task_key=key, claimant=Person(caller.id), access=open_to_all)
        done = bench.send(claim, principal=caller)
        if "x" in caller.id:
            assert refusal_of(done).code is Code.TASK_FORBIDDEN
            return False
        result_of(done)
        bench.send(ReleaseTask(task_key=key, access=Access()), principal=ROOT)
        return True

    process_id = bench.task(key).process.process_id
    grant = Grant("PROCESS_DEFINITION", process_id, ("UPDATE_USER_TASK",))
    assert not may(Principal("x"))
    assert may(Principal("granted", grants=(grant,)))
    assert not may(Principal("x, when it was claimed and released"))
    bench.send(ClaimTask(task_key=key, assignee="ann"), principal=ROOT)
    bench.send(AssignTask(task_key=key, assignee=""), principal=ROOT)
    assert not may(Principal("x, when it was claimed and unassigned"))

    bench.send(
        UpdateTask(task_key=key, changes={"candidate_groups": ["g"], "candidate_users": ["u"]}),
        principal=ROOT,
    )
    assert may(MEMBER)
    assert may(Principal("u"))
    assert not may(Principal("x", groups=("h",)))
