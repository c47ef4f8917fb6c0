"""The checker finds each kind of broken promise, and nothing in a run that kept them."""

from dataclasses import replace

import pytest

from signoff_load.history import (
    Activation,
    Applied,
    Change,
    Completion,
    History,
    Operation,
    Read,
    Told,
    violations,
)

FIRST = Operation("c1-a", "t", "a", 1.0, 2.0, Told.ACKNOWLEDGED, 204)
SECOND = Operation("c1-b", "t", "b", 3.0, 4.0, Told.ACKNOWLEDGED, 204)
LOST = Operation("c1-x", "t", "x", 5.0, 6.0, Told.UNKNOWN, 504)
A = Applied(1, 10, 1, "c1-a", "t", "a")
B = Applied(1, 11, 1, "c1-b", "t", "b")
GOOD = History(
    operations=(FIRST, SECOND, LOST, Operation("", "t", "r", 1.0, 1.1, Told.REFUSED, 503)),
    applied=(A, B),
    final={"t": "b"},
    settled={"c1-x": "WITHDRAWN"},
    reads=(Read("t", "a", 2.5, 2.6), Read("t", "b", 2.5, 2.6), Read("t", "b", 7.0, 7.1)),
    activations=(Activation(1, "j", "ann"), Activation(2, "j", "bob")),
    completions=(Completion(3, "j", "bob"),),
)
ANN = Applied(1, 10, 1, "c1-a", "t", "ann", Change.CLAIM)
BOB = Applied(1, 11, 1, "c1-b", "t", "bob", Change.CLAIM)
FREED = Applied(1, 11, 1, "c1-b", "t", "freed", Change.RELEASE)
CLAIMED = Operation("c1-a", "t", "ann", 1.0, 2.0, Told.ACKNOWLEDGED, 200)
RELEASED = Operation("c1-b", "t", "freed", 3.0, 4.0, Told.ACKNOWLEDGED, 200)
GOOD_CLAIMS = History(
    operations=(CLAIMED, RELEASED),
    applied=(ANN, FREED),
    final={"t": ""},
    reads=(Read("t", "ann", 2.5, 2.6), Read("t", "", 2.5, 2.6), Read("t", "", 5.0, 5.1)),
)


@pytest.mark.parametrize("history", [GOOD, GOOD_CLAIMS], ids=["updates", "claims"])
def test_a_good_history_has_no_violation(history: History) -> None:
    assert violations(history) == []


@pytest.mark.parametrize(
    ("promise", "history"),
    [
        pytest.param(2, replace(GOOD, applied=(B,)), id="acknowledged and lost"),
        pytest.param(2, replace(GOOD, applied=(A, B, replace(A, position=12))), id="twice"),
        pytest.param(2, replace(GOOD, applied=(A, replace(B, position=10))), id="same position"),
        pytest.param(2, replace(GOOD, applied=(replace(A, epoch=2), B)), id="zombie wrote"),
        pytest.param(2, replace(GOOD, final={"t": "a"}), id="final value is older"),
        pytest.param(
            2, replace(GOOD, applied=(A, B, replace(B, position=12, value="?"))), id="nobody asked"
        ),
        pytest.param(
            3, replace(GOOD, applied=(replace(A, position=9, value="r"), A, B)), id="503 applied"
        ),
        pytest.param(4, replace(GOOD, settled={}), id="never settled"),
        pytest.param(4, replace(GOOD, settled={"c1-x": "WAITING"}), id="not final"),
        pytest.param(4, replace(GOOD, settled={"c1-x": "APPLIED"}), id="applied without effect"),
        pytest.param(
            6,
            replace(GOOD, applied=(replace(B, position=9), A), final={"t": "a"}),
            id="overtook an answered one",
        ),
        pytest.param(8, replace(GOOD, reads=(Read("t", "a", 5.0, 5.1),)), id="stale read"),
        pytest.param(
            7, replace(GOOD, completions=(Completion(3, "j", "ann"),)), id="lease of another"
        ),
        pytest.param(
            7,
            replace(GOOD, completions=(Completion(3, "j", "bob"), Completion(4, "j", "bob"))),
            id="completed twice",
        ),
        pytest.param(
            10,
            History((CLAIMED, replace(RELEASED, value="bob")), (ANN, BOB), {"t": "bob"}),
            id="claim granted twice",
        ),
        pytest.param(10, replace(GOOD_CLAIMS, applied=(FREED,)), id="nobody's claim released"),
        pytest.param(2, replace(GOOD_CLAIMS, final={"t": "ann"}), id="release forgotten"),
        pytest.param(2, replace(GOOD_CLAIMS, applied=(FREED,)), id="claim lost"),
        pytest.param(
            8, replace(GOOD_CLAIMS, reads=(Read("t", "ann", 5.0, 5.1),)), id="still claimed"
        ),
        pytest.param(
            8,
            replace(GOOD_CLAIMS, operations=(CLAIMED,), applied=(ANN,), final={"t": "ann"}),
            id="acknowledged claim not seen",
        ),
    ],
)
def test_a_broken_promise_is_found(promise: int, history: History) -> None:
    assert promise in {each.promise for each in violations(history)}
