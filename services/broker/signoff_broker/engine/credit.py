"""How much more a subscriber may be sent: its grants, less what crossed them on the way."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

from signoff_schemas.results import Grant, Subscription

# A push that a subscriber, alive as it is, has not counted for so long was lost on its way.
LOST_MS: Final = 10_000


@dataclass(slots=True, eq=False)
class Slot:
    """Credit of one slot of a subscriber. ``reserved`` is matched but not activated yet."""

    account: "Account"
    grant: Grant
    left: int = 0
    reserved: int = 0


class Account:
    """One subscriber's slots, and its pushes that it had not received when it last wrote.

    The subscriber counts what it took from this partition; pushes reach it in order, so the number
    alone says which of them it had. Pushes of the owner before us are not known here: the count of
    the first subscription is where ours begins.
    """

    __slots__ = ("_crossing", "_pushed", "_received", "heard", "inbox", "name", "slots")

    def __init__(self, subscription: Subscription) -> None:
        self.name = subscription.subscriber
        self.inbox = subscription.inbox
        self.heard = 0
        """Monotonic milliseconds of the last sign of life."""
        self.slots: dict[str, Slot] = {}
        self._pushed = subscription.received
        self._received = subscription.received
        self._crossing: deque[tuple[str, int]] = deque()
        """Slot and time of each push above ``received``, in order."""

    def renew(self, subscription: Subscription, now: int) -> None:
        """Replace all grants by these."""
        self.heard = now
        self.inbox = subscription.inbox
        self._settle(subscription.received, now)
        crossing = Counter(slot for slot, _ in self._crossing)
        slots: dict[str, Slot] = {}
        for grant in subscription.grants:
            slot = self.slots.get(grant.slot)
            if slot is None or slot.grant.job_type != grant.job_type:
                slot = Slot(self, grant)
            slot.grant = grant
            slot.left = max(0, grant.count - crossing[grant.slot] - slot.reserved)
            slots[grant.slot] = slot
        self.slots = slots

    def reserve(self, slot: Slot) -> None:
        """A job was matched to the slot."""
        slot.left -= 1
        slot.reserved += 1

    def cancel(self, slot: Slot) -> None:
        """The matched job was not activated: the credit is there again."""
        slot.left += 1
        slot.reserved -= 1

    def push(self, slot: Slot, now: int) -> None:
        """The matched job was activated and is sent."""
        slot.reserved -= 1
        self._pushed += 1
        self._crossing.append((slot.grant.slot, now))

    def recall(self, slot: Slot) -> None:
        """The newest push was not committed, so it is not sent: the credit is there again."""
        slot.left += 1
        self._pushed -= 1
        self._crossing.pop()

    def left(self, job_type: str) -> int:
        """Credit for a job type in all slots."""
        return sum(slot.left for slot in self.slots.values() if slot.grant.job_type == job_type)

    def _settle(self, received: int, now: int) -> None:
        if received < self._received:
            # A new life under the old name: it counts from the start, and knows of no push.
            self._crossing.clear()
            self._pushed = received
        while self._crossing and self._pushed - len(self._crossing) < received:
            self._crossing.popleft()
        # It took more than we sent: pushes of the owner before us, or one that came twice.
        self._pushed = max(self._pushed, received)
        while self._crossing and now - self._crossing[0][1] > LOST_MS:
            self._crossing.popleft()
            self._pushed -= 1
        self._received = received
