"""Process graphs: what every dialect's definitions are compiled into, and all that the engine runs.

Texts that begin with ``=`` are expressions, evaluated when a token arrives; all others are literal.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.model import Record
from signoff_schemas.values import Listener


@dataclass(frozen=True, slots=True)
class Mapping:
    """One input or output mapping: the value of ``source`` goes to the variable ``target``."""

    source: str
    target: str


class StartNode(Record):
    """Where an instance begins."""

    type: Literal["start"] = "start"
    id: str
    next: str


class EndNode(Record):
    """Where an instance ends."""

    type: Literal["end"] = "end"
    id: str


class UserTaskNode(Record):
    """A user task. Every text but id, name and headers may be an expression."""

    type: Literal["user_task"] = "user_task"
    id: str
    next: str
    name: str = ""
    assignee: str = ""
    candidate_users: str = ""
    """Comma-separated literals, or an expression that gives a list of texts."""
    candidate_groups: str = ""
    due_date: str = ""
    follow_up_date: str = ""
    priority: str = ""
    """Empty means 50."""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    listeners: tuple[Listener, ...] = ()
    form_id: str = ""
    form_external: str = ""
    inputs: tuple[Mapping, ...] = ()
    outputs: tuple[Mapping, ...] = ()


class JobNode(Record):
    """A service task: one job for a worker."""

    type: Literal["job"] = "job"
    id: str
    next: str
    name: str = ""
    job_type: str
    retries: str = "3"
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    inputs: tuple[Mapping, ...] = ()
    outputs: tuple[Mapping, ...] = ()


Node = Annotated[StartNode | EndNode | UserTaskNode | JobNode, Field(discriminator="type")]


class ProcessGraph(Record):
    """A compiled process: nodes by id, and where to begin. Only sequences so far."""

    process_id: str
    name: str = ""
    start: str
    nodes: dict[str, Node]
