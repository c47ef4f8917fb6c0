"""Hands commands to the log and waits for their outcome: the whole way of every change."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from signoff_gateway.admission import Admission
from signoff_gateway.breaker import Breaker
from signoff_gateway.exchange import Call, Place, Route
from signoff_gateway.idempotency import Keyed, fingerprint, keyed
from signoff_gateway.pending import Asked, Pending
from signoff_gateway.refusals import (
    BodyTooLarge,
    Cause,
    Exhausted,
    PartitionUnknown,
    Unavailable,
)
from signoff_process.clock import Clock
from signoff_process.log.ports import EntryPublisher, EntryTooLarge, LogUnavailable
from signoff_schemas.commands import Command
from signoff_schemas.envelope import Entry
from signoff_schemas.frozen import frozen
from signoff_schemas.ids import SETTINGS_PARTITION, command_id, partition_of
from signoff_schemas.replies import Outcome
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.topics import Inlet
from signoff_schemas.values import Inbox

Answered = CompleteJob | FailJob | ThrowJobError
"""Worker results that are answered like commands."""

_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@frozen
class Settled:
    """A command and how it ended."""

    command_id: str
    outcome: Outcome


class Sender:
    """The command side of one gateway. ``open`` comes before the first call.

    Args:
        inbox: Where the partitions send this gateway's replies.
        partitions: Number of partitions.
        breaker: Knows what would not get through.
        admission: Counts what is in flight.
        pending: Holds who waits.
        clock: For ``issued_at``.
        new_id: Makes a unique text for each command id.
        body_limit: What an entry that is too large for the log is said to exceed, in bytes.
    """

    def __init__(  # noqa: PLR0913 - everything that a command passes on its way
        self,
        inbox: Inbox,
        *,
        partitions: int,
        breaker: Breaker,
        admission: Admission,
        pending: Pending,
        clock: Clock,
        new_id: Callable[[], str],
        body_limit: int,
    ) -> None:
        self._inbox = inbox
        self._partitions = partitions
        self._breaker = breaker
        self._admission = admission
        self._pending = pending
        self._clock = clock
        self._new_id = new_id
        self._body_limit = body_limit
        self._requests = itertools.count(1)
        self._turn = itertools.cycle(range(1, partitions + 1))
        self._publisher: EntryPublisher | None = None
        self._accepting = False

    def open(self, publisher: EntryPublisher) -> None:
        """Take commands from now on."""
        self._publisher = publisher
        self._accepting = True

    def close(self) -> None:
        """Refuse all further commands; those under way go on."""
        self._accepting = False

    def admit(self, call: Call) -> None:
        """Place a call and decide, before its body is read, whether there is room for it.

        Raises: Exhausted, Unavailable, IdempotencyKeyMalformed.
        """
        call.partition = self._place(call)
        if call.partition:
            self._check(call.route, call.partition)

    async def ask(
        self,
        call: Call,
        body: Command | Answered,
        *,
        partition: int | None = None,
        part: int = 0,
    ) -> Settled:
        """Send a command and wait for its outcome.

        Args:
            call: On whose behalf; an admitted one.
            body: The command.
            partition: Where it goes, if not where the call was placed.
            part: Which of the commands that the call takes; each is counted for itself under an
                idempotency key.

        Raises: Refusal if it was certainly not handed over, OutcomeUnknown, ClientGone.
        """
        where = call.partition if partition is None else partition
        if not self._is_known(where):
            raise PartitionUnknown(body)
        self._check(call.route, where)
        key = keyed(call, part)
        asked = self._publish(call, body, where, key)
        outcome = await self._pending.outcome(asked, call.receive)
        return Settled(asked.command_id, outcome)

    def _publish(
        self, call: Call, body: Command | Answered, partition: int, key: Keyed | None
    ) -> Asked:
        publisher = self._publisher
        assert publisher is not None, "ask before open"
        unique = self._new_id() if key is None else str(key.unique)
        entry = Entry(
            id=command_id(partition, unique),
            request_id=f"{self._inbox.gateway}-{next(self._requests):x}",
            partition=partition,
            principal=call.principal,
            inbox=self._inbox,
            issued_at=self._clock.now_ms(),
            fingerprint="" if key is None else fingerprint(call),
            traceparent=_traceparent(call),
            body=body,
        )
        asked = self._pending.open(entry.request_id, entry.id, partition)
        inlet = Inlet.RESULTS if isinstance(body, Answered) else Inlet.COMMANDS
        self._watch(publisher.publish(inlet, entry), asked)
        return asked

    def _watch(self, acknowledged: Awaitable[None], asked: Asked) -> None:
        """Learn whether the log refused it. What became of anything else, the reply says."""
        if not isinstance(acknowledged, asyncio.Future):
            return  # over already

        def done(future: "asyncio.Future[None]") -> None:
            if future.cancelled():
                return
            error = future.exception()
            if isinstance(error, EntryTooLarge):
                self._pending.fail(asked, BodyTooLarge(self._body_limit))
            elif error is not None and not isinstance(error, LogUnavailable):
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "publishing failed", "exception": error}
                )

        acknowledged.add_done_callback(done)

    def _check(self, route: Route, partition: int) -> None:
        if not self._accepting:
            raise Unavailable(Cause.STOPPING, partition)
        self._breaker.check(partition)
        if route.sheddable:
            self._admission.check(partition)
            if route.may_wait:
                self._pending.check_waits(partition)

    def _is_known(self, partition: int) -> bool:
        """Whether commands can be sent there. Raises: Unavailable if it was added since."""
        if partition > self._partitions and self._breaker.knows(partition):
            raise Unavailable(Cause.NO_OWNER, partition)  # those who know it from the start send
        return 0 < partition <= self._partitions

    def _next_open(self, route: Route) -> int:
        """The next partition in turn that has room and an owner; if none has, any."""
        partition = SETTINGS_PARTITION
        for partition in itertools.islice(self._turn, self._partitions):
            with suppress(Unavailable, Exhausted):
                self._check(route, partition)
                break
        return partition

    def _place(self, call: Call) -> int:
        match call.route.place:
            case Place.KEY:
                partition = partition_of(call.key)
                return partition if self._is_known(partition) else 0
            case Place.ANY:
                key = keyed(call)
                if key is None:
                    return self._next_open(call.route)
                return key.partition_among(self._breaker.partitions_for_keys())
            case Place.SETTINGS:
                return SETTINGS_PARTITION
            case Place.NONE:
                return 0


def _traceparent(call: Call) -> str:
    given = call.headers.get(b"traceparent")
    return given.decode() if given is not None and _TRACEPARENT.fullmatch(given) else ""
