"""Every refusal of the engine has a text and a status here."""

from collections import defaultdict

import pytest

from signoff_gateway.dialects.camunda import answers as first
from signoff_gateway.dialects.orkes import answers as second
from signoff_gateway.dialects.orkes.problems import (
    _STATUS,
    _TEXTS,
    rejection_message,
    rejection_status,
)
from signoff_gateway.refusals import Cause, Exhausted, Limit, Unavailable
from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.rejections import Code, Rejection, RejectionType


def test_nothing_is_left_out() -> None:
    assert set(_TEXTS) == set(Code)
    assert set(_STATUS) == set(RejectionType) - {RejectionType.NOT_FOUND}


@pytest.mark.parametrize(
    "refusal",
    [*(Exhausted(each, 7, 1) for each in Limit), *(Unavailable(each, 1) for each in Cause)],
    ids=lambda each: type(each).__name__,
)
def test_every_refusal_for_want_of_room_is_a_503(refusal: Exhausted | Unavailable) -> None:
    assert first.refused(refusal, "/v2").status == 503
    assert second.refused(refusal, "/api").status == 503


def test_ids_are_written_as_clients_know_them() -> None:
    key = key_of(1, 7)
    rejection = Rejection(
        type=RejectionType.NOT_FOUND, code=Code.TASK_NOT_FOUND, values={"key": str(key)}
    )
    assert uuid_of(key) in rejection_message(rejection)
    assert rejection_status(rejection) == 404
    assert rejection_status(rejection, missing=400) == 400


@pytest.mark.parametrize("reason", ["not on Fridays", ""])
def test_a_denial_tells_its_reason(reason: str) -> None:
    values = defaultdict(str, transition="assignment", key="7", reason=reason)
    rejection = Rejection(
        type=RejectionType.INVALID_STATE, code=Code.TRANSITION_DENIED, values=dict(values)
    )
    assert rejection_status(rejection) == 409
    assert (reason or "none given") in rejection_message(rejection)
