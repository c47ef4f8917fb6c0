"""Ids of commands: fresh ones, and the one that an idempotency key always gives."""

import hashlib
import json
import re
import uuid
from typing import Final

from signoff_gateway.exchange import Call
from signoff_gateway.refusals import IdempotencyKeyMalformed
from signoff_schemas.frozen import frozen

HEADER: Final = b"idempotency-key"
KEY_LENGTH_MAX: Final = 255
_BOUNDARY: Final = re.compile(rb'^multipart/.*;\s*boundary="?([^";,\s]+)', re.IGNORECASE)
_NAMESPACE: Final = uuid.UUID("6f0a3f0e-6a53-5d0e-9d2c-0c7a5f3c1b52")


@frozen
class Keyed:
    """What an idempotency key makes of a request."""

    unique: uuid.UUID
    """The same for the same caller, method, path and key."""

    def partition_among(self, count: int) -> int:
        """The partition, from 1, of what this request creates."""
        return self.unique.int % count + 1


def keyed(call: Call, part: int = 0) -> Keyed | None:
    """What the request's idempotency key says; None if it has none.

    ``part`` tells the commands of one request apart.

    Raises: IdempotencyKeyMalformed.
    """
    key = call.headers.get(HEADER)
    if key is None:
        return None
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise IdempotencyKeyMalformed(KEY_LENGTH_MAX)
    name = "\n".join((call.principal.id, call.method, call.path, key.decode("latin-1")))
    unique = uuid.uuid5(_NAMESPACE, name)
    return Keyed(uuid.uuid5(unique, str(part)) if part else unique)


def part_of(*names: str | int) -> int:
    """The number of a command that is told by names, not by its place among those of a request.

    The same for the same names, in every process.
    """
    return int.from_bytes(hashlib.sha256(json.dumps(names).encode()).digest()[:16])


def id_under_key(call: Call) -> str:
    """An id for what a request makes, the same each time it comes; empty if it has no key.

    Raises: IdempotencyKeyMalformed.
    """
    key = keyed(call, part_of("id"))
    return "" if key is None else str(key.unique)


def fingerprint(call: Call) -> str:
    """A digest of what a repetition under the same key must have in common.

    Not the order of query parameters; nor the boundary of a form: clients draw another for each
    request.
    """
    query = b"&".join(sorted(call.query.split(b"&")))
    body = call.body
    if boundary := _BOUNDARY.search(call.headers.get(b"content-type", b"")):
        body = body.replace(b"--" + boundary[1], b"--")
    return hashlib.sha256(b"\n".join((call.path.encode(), query, body))).hexdigest()
