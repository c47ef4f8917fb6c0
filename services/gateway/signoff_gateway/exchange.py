"""One request and its answer, as routes see them: below the framework, above the bytes."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from signoff_gateway.refusals import Failure
from signoff_schemas.frozen import frozen
from signoff_schemas.principal import Principal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Answer:
    """A whole response. ``undelivered`` is called if the client was gone before it was written."""

    status: int
    headers: HeaderList = ()
    body: bytes = b""
    undelivered: Callable[[], None] | None = None


@dataclass(slots=True)
class Call:
    """A request whose route is known. ``body`` is whole; empty for routes that read none."""

    method: str
    path: str
    """As it was sent, percent-encoded, without the query."""
    params: Mapping[str, str]
    """Path parameters, decoded."""
    headers: Mapping[bytes, bytes]
    """By lower-case name; of several with one name, the last."""
    query: bytes
    receive: Receive
    principal: Principal
    route: "Route"
    key: int = 0
    """The decoded key of the path, for routes that are placed by one."""
    partition: int = 0
    """Where its command goes; 0 if the key is of no partition, or there is no command."""
    body: bytes = b""
    address: str = ""
    """Where the connection comes from; empty if that is not known."""


class Place(Enum):
    """What decides the partition of a route's command."""

    NONE = auto()
    """There is no command, or the route finds its partition itself."""
    KEY = auto()
    """The first key in the path."""
    ANY = auto()
    """Something new: round-robin, or by the hash of its idempotency key."""
    SETTINGS = auto()
    """The cluster-wide settings."""


class BodyKind(Enum):
    """What a route reads."""

    NONE = auto()
    JSON = auto()
    UNTYPED_JSON = auto()
    """JSON too, also if the client does not say so."""
    FORM = auto()


Handler = Callable[[Call], Awaitable[Answer]]


@frozen
class Route:
    """One endpoint. Path segments in braces are parameters: ``/v2/user-tasks/{userTaskKey}``."""

    method: str
    template: str
    handle: Handler
    body: BodyKind = BodyKind.NONE
    place: Place = Place.NONE
    key: str = ""
    """The parameter that is a key; with ``Place.KEY`` it also places the command."""
    sheddable: bool = True
    """False for what frees others, which load never refuses."""
    may_wait: bool = False
    """True if the answer may have to wait for listeners."""
    public: bool = False
    """True for what everybody may have, who need not say who he is."""


class Dialect(Protocol):
    """One API: its routes, and its words for what goes wrong."""

    prefixes: Sequence[str]
    """First path segments that are this dialect's."""
    routes: Sequence[Route]

    def decode_key(self, text: str) -> int | None:
        """The 64-bit key that a path parameter encodes; None if it is none."""
        ...

    def refuse(self, failure: Failure, path: str) -> Answer:
        """The answer to a request that did not get through."""
        ...

    def fail(self, path: str) -> Answer:
        """The answer after a mistake of ours (500)."""
        ...
