"""The ways in which the gateway itself says no; each dialect owns the answers (``Dialect.refuse``).

``Refusal`` means: certainly no effect, nothing was handed to the log. ``OutcomeUnknown`` is the one
that comes after: the command is on its way and nobody knows yet how it ends.
"""

from dataclasses import dataclass
from enum import StrEnum

from signoff_gateway.reads import ReadsError


class Refusal(Exception):
    """The request had no effect and never will have one."""


class RouteUnknown(Refusal):
    """No route has this path."""


@dataclass
class MethodNotAllowed(Refusal):
    """The path is there, but not for this method."""

    allowed: tuple[str, ...]


@dataclass
class KeyMalformed(Refusal):
    """A key in the path is none."""

    name: str
    value: str


@dataclass
class BodyTooLarge(Refusal):
    """The body is larger than we read, or than the log takes."""

    limit: int


class BodyTooSlow(Refusal):
    """The body did not arrive within the time that a whole body gets."""


@dataclass
class MediaTypeUnsupported(Refusal):
    """The body is of a type that the route does not read."""

    given: str


class Limit(StrEnum):
    """Which bound was reached."""

    PARTITION = "partition"
    """Commands in flight at the partition."""
    WAITS = "waits"
    """Requests that this gateway holds for listeners."""
    POLLS = "polls"
    """Bytes of what job polls ask for, of those that ask for different things."""


@dataclass
class Exhausted(Refusal):
    """Too much at once: come back in a moment."""

    limit: Limit
    bound: int
    partition: int


class Cause(StrEnum):
    """Why nothing can be handed over now."""

    LOG = "log"
    DATABASE = "database"
    NO_OWNER = "no_owner"
    STOPPING = "stopping"
    IDENTITY = "identity"


@dataclass
class Unavailable(Refusal):
    """The command could not be handed over."""

    cause: Cause
    partition: int = 0


@dataclass
class IdempotencyKeyMalformed(Refusal):
    """An idempotency key that is empty or too long."""

    longest: int


@dataclass
class OutcomeUnknown(Exception):
    """The time was up before the outcome came; the command goes on."""

    command_id: str


class ClientGone(Exception):
    """The client has hung up: there is nobody to answer."""


@dataclass
class PartitionUnknown(Refusal):
    """The command names a key of a partition that does not exist."""

    command: object


class Lack(StrEnum):
    """What a caller's proof of who he is lacks."""

    MISSING = "missing"
    """There is none."""
    INVALID = "invalid"
    """It is none that is known here, or whoever it was for is gone."""
    EXPIRED = "expired"
    """A token's time is up."""
    WRONG = "wrong"
    """A name and a secret that do not belong together."""


@dataclass
class Unauthenticated(Refusal):
    """Nobody knows who calls. ``at``: now, in epoch milliseconds."""

    lack: Lack
    at: int


@dataclass
class TooManyLogins(Refusal):
    """So many logins have failed, or are under way, that no more are tried for some seconds."""

    wait_seconds: int
    under_way: bool = False


Failure = Refusal | OutcomeUnknown | ReadsError
"""All that a dialect has words for."""
