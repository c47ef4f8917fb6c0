"""The envelope of everything on the command and result topics."""

from typing import Annotated

from pydantic import Field

from signoff_schemas.commands import Command
from signoff_schemas.model import Record
from signoff_schemas.principal import Principal
from signoff_schemas.results import WorkerResult
from signoff_schemas.values import Inbox


class Entry(Record):
    """A command or result on its way: who asks, under which id, and where the answer goes.

    ``id`` names the command for ever; ``request_id`` names one publish of it. ``issued_at`` is
    epoch milliseconds by the gateway's clock: the engine refuses what is over 23 h old (DESIGN 2).
    """

    id: str
    request_id: str
    partition: int
    principal: Principal
    inbox: Inbox | None = None
    """None for what nobody waits for."""
    issued_at: int
    fingerprint: str = ""
    """Digest of path and body under an idempotency key; another body under it is refused."""
    traceparent: str = ""
    body: Annotated[Command | WorkerResult, Field(discriminator="type")]
