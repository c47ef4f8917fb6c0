"""Requests that take several commands, which take effect one by one."""

import asyncio
from collections.abc import Sequence

from signoff_gateway.dialects.orkes.answers import PartlyDone, Rejected
from signoff_gateway.exchange import Call
from signoff_gateway.refusals import Exhausted, OutcomeUnknown, Unavailable
from signoff_gateway.sending import Sender, Settled
from signoff_schemas.commands import Command
from signoff_schemas.rejections import RejectionType
from signoff_schemas.replies import OutcomeStatus

_TRY_AGAIN = frozenset({RejectionType.RESOURCE_EXHAUSTED, RejectionType.UNAVAILABLE})


async def ask_all(
    sender: Sender,
    call: Call,
    commands: Sequence[tuple[Command, int]],
    *,
    parts: Sequence[int] | None = None,
    begun: bool = False,
    missing: int = 404,
) -> None:
    """Send all commands, each to its partition, and wait for all of them.

    Args:
        sender: Takes them.
        call: Whose they are.
        commands: Each with its partition.
        parts: Their numbers under an idempotency key; None: by their places, which must
            be the same each time then.
        begun: An earlier command of this call is in effect.
        missing: The status if what one of them is about is not there.

    Raises:
        Rejected: The first refusal by the engine.
        PartlyDone: Some are in effect and others, for a reason that passes, are not.
        Refusal: None of them is in effect.
        OutcomeUnknown: Of one of them.
    """
    numbers = range(1, len(commands) + 1) if parts is None else parts
    asked = [
        sender.ask(call, command, partition=partition, part=number)
        for (command, partition), number in zip(commands, numbers, strict=True)
    ]
    results = await asyncio.gather(*asked, return_exceptions=True)
    begun = begun or any(isinstance(each, OutcomeUnknown) or _applied(each) for each in results)
    for each in results:
        failure = _failure(each, missing)
        if failure is not None:
            raise PartlyDone if begun and _passes(failure) else failure


def _applied(result: Settled | BaseException) -> bool:
    return isinstance(result, Settled) and result.outcome.status is OutcomeStatus.APPLIED


def _failure(result: Settled | BaseException, missing: int) -> BaseException | None:
    if isinstance(result, BaseException):
        return result
    return None if _applied(result) else Rejected(result, missing=missing)


def _passes(failure: BaseException) -> bool:
    """Whether the answer would be that nothing was done, and that it may be tried again."""
    if isinstance(failure, Rejected):
        return failure.rejection.type in _TRY_AGAIN
    return isinstance(failure, Exhausted | Unavailable)
