"""Process graphs: what every dialect's definitions are compiled into, and all that the engine runs.

Texts that begin with ``=`` are expressions, evaluated when a token arrives; all others are literal.
"""

from typing import Annotated, Literal

from pydantic import Field

from signoff_schemas.frozen import frozen
from signoff_schemas.model import Record
from signoff_schemas.templates import Frame, Object, Template
from signoff_schemas.values import Listener


@frozen
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
    template: Object | None = None
    """Gives all inputs of a node in a graph with a frame."""
    title: Template | None = None
    """Gives a name for this one task in a graph with a frame; None, or no text: the node's name."""
    policy: Template | None = None
    """Gives the ``work.Policy`` as JSON, in the form of ``policies.policy_of``; None: none."""
    rule: str = ""
    """The ``TaskRule`` that the node follows, and the name that grants are given on."""


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
    template: Object | None = None
    rule: str = ""


class ChoiceNode(Record):
    """Goes on where the printed value of ``on`` leads, else to ``otherwise``."""

    type: Literal["choice"] = "choice"
    id: str
    on: Template
    cases: dict[str, str]
    """Value to node id."""
    otherwise: str


class SetVariablesNode(Record):
    """Sets variables of the instance and goes on."""

    type: Literal["set_variables"] = "set_variables"
    id: str
    next: str
    template: Object


class TerminateNode(Record):
    """Ends the instance in the middle."""

    type: Literal["terminate"] = "terminate"
    id: str
    ending: Template
    """Gives an ``Ending`` as text; anything else counts as FAILED."""
    reason: Template | None = None
    output: Template | None = None


Node = Annotated[
    StartNode | EndNode | UserTaskNode | JobNode | ChoiceNode | SetVariablesNode | TerminateNode,
    Field(discriminator="type"),
]


class ProcessGraph(Record):
    """A compiled process: nodes by id, and where to begin. One token, no way back."""

    process_id: str
    name: str = ""
    version: int | None = None
    """Given by the definition, which then replaces one with the same; None: the engine counts."""
    start: str
    nodes: dict[str, Node]
    frame: Frame | None = None
    output: Object | None = None
    """Gives the instance's output at its end; None: that of the last node."""
    timeout_seconds: int = 0
    """For the whole instance; 0: never."""
    alert_only: bool = False
    """An instance that is late goes on."""
