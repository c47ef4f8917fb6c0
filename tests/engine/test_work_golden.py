"""Golden traces of shared work, from published samples: ids and times are masked."""

from dataclasses import dataclass
from typing import Any

import pytest

from signoff_schemas.commands import Command
from signoff_schemas.principal import Principal
from signoff_schemas.work import Action, Person
from tests.support.engine import Bench
from tests.support.shared_work import (
    JANE,
    JOHN,
    ROOT,
    finish,
    group,
    line,
    release,
    seen,
    take,
    user,
)

ABC = Person("abc", external=True)
APPLICATION = Principal("app", roles=ROOT.roles)
Calls = tuple[tuple[Principal, Any], ...]


@dataclass(frozen=True)
class Trace:
    """A chain, what was called by whom, what the task is then, and its whole log."""

    chain: tuple[dict[str, Any], ...]
    calls: Calls
    seen: str
    log: tuple[str, ...]


def by(who: Principal, command: Any, *arguments: Any, **given: Any) -> tuple[Principal, Any]:
    """A call; its task is told later."""
    admin = Principal(who.id, who.groups, ROOT.roles)
    return admin, lambda key: command(key, *arguments, **given)


TRACES = {
    "G1 claimed by its assignee": Trace(
        (user("john"),),
        (by(JOHN, take, "john"),),
        "CLAIMED john john 0",
        ("ASSIGNMENT ASSIGNED system: john", "CLAIM CLAIMED john: john by john"),
    ),
    "G2 claimed over its assignee": Trace(
        (user("jane"),),
        (by(JOHN, take, "john", override=True),),
        "CLAIMED john john 0",
        ("ASSIGNMENT ASSIGNED system: jane", "CLAIM CLAIMED john: john by john"),
    ),
    "G3 claimed over its group": Trace(
        (group("g"),),
        (by(JOHN, take, "john", override=True),),
        "CLAIMED john john 0",
        ("ASSIGNMENT ASSIGNED system: group:g", "CLAIM CLAIMED john: john by john"),
    ),
    "G4 open, claimed": Trace(
        (),
        (by(JOHN, take, "john"),),
        "CLAIMED - john - exhausted",
        ("ASSIGNMENTS_COMPLETED ASSIGNED system: -", "CLAIM CLAIMED john: - by john"),
    ),
    "G5 claimed of an external group": Trace(
        (group("abc", external=True),),
        (by(APPLICATION, take, ABC),),
        "CLAIMED external group:abc external:abc 0",
        (
            "ASSIGNMENT ASSIGNED system: external group:abc",
            "CLAIM CLAIMED app: external group:abc by external:abc",
        ),
    ),
    "G6 claimed over an external group": Trace(
        (group("abc", external=True),),
        (by(APPLICATION, take, ABC, override=True),),
        "CLAIMED external:abc external:abc 0",
        (
            "ASSIGNMENT ASSIGNED system: external group:abc",
            "CLAIM CLAIMED app: external:abc by external:abc",
        ),
    ),
    "G7 released": Trace(
        (user("john"),),
        (by(JOHN, take, "john"), by(JOHN, release)),
        "ASSIGNED john - 0",
        (
            "ASSIGNMENT ASSIGNED system: john",
            "CLAIM CLAIMED john: john by john",
            "RELEASE PENDING john: john",
            "ASSIGNMENT ASSIGNED system: john",
        ),
    ),
    "G8 completed by its claimant": Trace(
        (user("jane"),),
        (by(JANE, take, "jane"), by(JANE, finish, approved=True)),
        "COMPLETED jane jane 0",
        ("ASSIGNMENT ASSIGNED system: jane", "CLAIM CLAIMED jane: jane by jane"),
    ),
    "G9 completed unclaimed": Trace(
        (),
        (by(JANE, finish),),
        "COMPLETED - - - exhausted",
        ("ASSIGNMENTS_COMPLETED ASSIGNED system: -",),
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_trace(name: str) -> None:
    trace, bench = TRACES[name], Bench()
    key = bench.share(assignments=list(trace.chain))
    for who, make in trace.calls:
        bench.now += 20
        command: Command = make(key)
        bench.send(command, principal=who)

    task = bench.ended(key)
    assert seen(task) == trace.seen
    assert [line(each) for each in bench.log(key)] == list(trace.log)
    assert task.policy is not None
    given = [each.assignee.id for each in task.policy.assignments]
    assert given == [each["assignee"]["id"] for each in trace.chain]


@pytest.mark.parametrize("name", [name for name in TRACES if name[:2] <= "G6"])
def test_claim_is_told_with_the_time_before_it(name: str) -> None:
    """What was updated last before the claim is the first line of the log."""
    trace, bench = TRACES[name], Bench()
    key = bench.share(assignments=list(trace.chain))
    bench.now += 20
    ((who, make),) = trace.calls

    done = bench.send(make(key), principal=who)

    first, claim = bench.log(key)
    assert isinstance(first, Action)
    assert isinstance(claim, Action)
    assert done.outcome is not None
    assert done.outcome.result["updated_at"] == first.at
    assert done.outcome.result["at"] == claim.at == bench.task(key).updated_at
