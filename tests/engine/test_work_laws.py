"""Laws of shared work that hold whatever several people do, in whatever order (Hypothesis)."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_broker.engine.state import UserTask
from signoff_broker.engine.work_states import shown_assignee, work_state
from signoff_broker.engine.world import Step
from signoff_schemas.codec import decode_entry, decode_events, encode_entry, encode_events
from signoff_schemas.commands import (
    AssignTask,
    CancelProcess,
    ClaimTask,
    Command,
    CompleteTask,
    UpdateTask,
    Withdraw,
)
from signoff_schemas.principal import Access, Principal
from signoff_schemas.replies import OutcomeStatus
from signoff_schemas.timers import ExpireAssignment
from signoff_schemas.values import Listener, ListenerEvent, TaskState
from signoff_schemas.work import (
    Action,
    ActionKind,
    Assignment,
    Person,
    TriggerEvent,
    Work,
    WorkState,
)
from signoff_schemas.work_commands import (
    FinishTask,
    ReassignTask,
    ReleaseTask,
    RemoveTask,
    SaveOutput,
    SkipAssignment,
    TakeTask,
)
from tests.support.engine import Bench
from tests.support.shared_work import group, user

PEOPLE = (Person("ann"), Person("bob"), Person("cyd", external=True))
CALLERS = (
    Principal("ann", groups=("g",)),
    Principal("bob"),
    Principal("root", roles=("admin",)),
)
CHAINS: tuple[list[dict[str, Any]], ...] = (
    [],
    [user("ann", 5), group("g", 1), user("bob")],
    [group("g", 1), user("cyd", 3, external=True)],
    [user("ann", 1)],
)
HOOKS = tuple(Listener(event, f"on-{event}") for event in ListenerEvent)
ACCESS = Access(assignee=True, claimant=True, anybody_if_open=True)
Drawn = dict[str, Any]


def _claimant(drawn: Drawn) -> Person:
    return PEOPLE[drawn["number"] % len(PEOPLE)]


COMMANDS: dict[str, Callable[[int, Drawn], Command]] = {
    "take": lambda key, drawn: TakeTask(
        task_key=key,
        claimant=_claimant(drawn),
        claimant_groups=("g",) if drawn["number"] == 0 else (),
        override=drawn["flag"],
        access=ACCESS,
    ),
    "release": lambda key, _drawn: ReleaseTask(task_key=key, access=ACCESS),
    "skip": lambda key, _drawn: SkipAssignment(task_key=key, access=ACCESS),
    "reassign": lambda key, drawn: ReassignTask(
        task_key=key,
        assignments=tuple(Assignment(each, 1) for each in PEOPLE[: drawn["number"]]),
        access=ACCESS,
    ),
    "save": lambda key, drawn: SaveOutput(
        task_key=key, output={f"x{drawn['number']}": drawn["flag"]}, access=ACCESS
    ),
    "finish": lambda key, _drawn: FinishTask(task_key=key, access=ACCESS),
    "remove": lambda key, _drawn: RemoveTask(task_key=key, access=ACCESS),
    "claim": lambda key, drawn: ClaimTask(task_key=key, assignee=_claimant(drawn).id),
    "assign": lambda key, drawn: AssignTask(
        task_key=key, assignee=_claimant(drawn).id if drawn["flag"] else ""
    ),
    "update": lambda key, drawn: UpdateTask(task_key=key, changes={"priority": drawn["number"]}),
    "complete": lambda key, _drawn: CompleteTask(task_key=key, variables={"y": 1}),
}
NAMES = (
    *COMMANDS,
    *("take", "release", "expire", "expire", "withdraw", "cancel"),
    *("answer",) * 8,
)


DRAWN = st.fixed_dictionaries(
    {
        "number": st.integers(0, 3),
        "flag": st.booleans(),
        "answer": st.sampled_from(["agree", "agree", "correct", "unassign", "deny"]),
    }
)
ACTIONS = st.tuples(st.sampled_from(NAMES), DRAWN)
"""One thing that somebody does."""


class Run:
    """One task and the people around it; every step is held to the laws."""

    def __init__(self, policy: Drawn, hooks: tuple[Listener, ...]) -> None:
        self.bench = Bench()
        self.process = 0
        self.key = self.bench.share(*hooks, **policy)
        self.process = self._task().process_instance_key
        self.won = 0
        self.last_id = ""

    def do(self, name: str, drawn: Drawn) -> None:
        self.bench.now += 40_000
        before = self._task()
        done = self._step(name, drawn)
        if done is None:
            return
        self._holds(name, drawn, before, done)

    def _step(self, name: str, drawn: Drawn) -> Step | None:
        bench = self.bench
        instance = bench.world.instances.get(self.process)
        if name == "answer":
            job = None if instance is None else instance.job
            return None if job is None else self._answer(drawn["answer"])
        if name == "expire":
            return bench.fire(ExpireAssignment(task_key=self.key))
        if name == "withdraw":
            body: Command = Withdraw(target=self.last_id or "c1-none")
        elif name == "cancel":
            if drawn["number"]:
                return None
            body = CancelProcess(process_instance_key=self.process)
        else:
            body = COMMANDS[name](self.key, drawn)
        caller = CALLERS[drawn["number"] % len(CALLERS)]
        entry = decode_entry(encode_entry(bench.entry(body, principal=caller)))
        self.last_id = entry.id
        return bench.submit(entry)

    def _answer(self, how: str) -> Step:
        if how == "deny":
            return self.bench.complete_listener(self.process, denied=True)
        corrections = {"correct": {"assignee": "cyd"}, "unassign": {"assignee": ""}}.get(how, {})
        return self.bench.complete_listener(self.process, corrections=corrections)

    def _task(self) -> UserTask:
        return self.bench.ended(self.key)

    def _holds(self, name: str, drawn: Drawn, before: UserTask, done: Step) -> None:
        after = self._task()
        refused = done.outcome is not None and done.outcome.status is OutcomeStatus.REJECTED
        if refused:
            assert after == before
        elif name in ("take", "claim"):
            nobody_else_had_it(name, _claimant(drawn), before)
        attributes_follow_work(after)
        deadlines_are_of_the_unclaimed(after)
        index_is_in_the_chain(after)


def nobody_else_had_it(name: str, claimant: Person, before: UserTask) -> None:
    """A claim that is accepted; a plain one may come again."""
    assert before.state is TaskState.CREATED
    if before.work is not None and before.work.claimant is not None:
        assert name == "claim"
        assert before.work.claimant.id == claimant.id


def attributes_follow_work(task: UserTask) -> None:
    if task.work is not None and work_state(task) is not WorkState.PENDING:
        assert task.attributes.assignee == shown_assignee(task.work)


def deadlines_are_of_the_unclaimed(task: UserTask) -> None:
    if task.work is not None and task.work.due_at is not None:
        assert task.work.claimant is None
        assert work_state(task) is WorkState.ASSIGNED


def index_is_in_the_chain(task: UserTask) -> None:
    work, policy = task.work, task.policy
    assert (work is None) is (policy is None)
    if work is not None and policy is not None and work.index is not None:
        assert 0 <= work.index < len(policy.assignments)
        assert not work.exhausted


def claims_and_releases_take_turns(run: Run) -> None:
    """The log alone tells who has the task; nobody claims, over others' heads, what is claimed."""
    claimant: Person | None = None
    for line in run.bench.log(run.key):
        if not isinstance(line, Action):
            continue
        if line.kind is ActionKind.RELEASE:
            assert claimant is not None
        if line.kind in (ActionKind.SKIP, ActionKind.REASSIGN, ActionKind.ASSIGNMENT_EXPIRED):
            assert claimant is None
        if line.kind is ActionKind.CLAIM:
            claimant = line.claimant
        elif line.state is not WorkState.CLAIMED:
            claimant = None
    work = run.bench.ended(run.key).work or Work()
    assert (claimant is None) is (work.claimant is None)


@settings(max_examples=250, deadline=None)
@given(
    chain=st.sampled_from(CHAINS),
    hooked=st.booleans(),
    ends=st.booleans(),
    auto_claim=st.booleans(),
    todo=st.lists(ACTIONS, min_size=10, max_size=50),
)
def test_whatever_people_do(
    *,
    chain: list[dict[str, Any]],
    hooked: bool,
    ends: bool,
    auto_claim: bool,
    todo: list[tuple[str, Drawn]],
) -> None:
    policy: Drawn = {
        "assignments": chain,
        "exhaustion": "TERMINATE" if ends else None,
        "auto_claim": auto_claim,
        "triggers": [{"on": each.value, "process_id": "shared"} for each in TriggerEvent][:3],
    }
    run = Run(policy, HOOKS if hooked else ())
    for name, drawn in todo:
        run.do(name, drawn)

    assert run.bench.replayed()[0] == run.bench.world.instances
    claims_and_releases_take_turns(run)
    for done in run.bench.steps:
        assert decode_events(encode_events(done.events)) == done.events
