"""What a gateway hears back: outcomes, and the mark that a command now waits."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.rejections import Rejection


class OutcomeStatus(StrEnum):
    """How a command ended."""

    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class Outcome(Record):
    """How a command ended: stored with the step that decided it, the same for every asker."""

    status: OutcomeStatus
    result: dict[str, object] = Field(default_factory=dict[str, object])
    """What was made, by field name of the command's dialect-free result (keys, versions)."""
    rejection: Rejection | None = None


class Reply(Record):
    """The outcome, for one request."""

    type: Literal["reply"] = "reply"
    gateway: str
    partition: int
    """The partition whose admission count this frees."""
    request_id: str
    command_id: str
    outcome: Outcome


class Waiting(Record):
    """The command is accepted and now waits for a job: it counts no longer as in flight."""

    type: Literal["waiting"] = "waiting"
    gateway: str
    partition: int
    request_id: str
    command_id: str
    job_type: str = ""
    """Empty when it waits for an incident to be resolved."""


ReplyMessage = Annotated[Reply | Waiting, Field(discriminator="type")]
