"""Searches over the worklist, and the rows that they give: in words of no dialect."""

from collections.abc import Mapping
from typing import Final

from signoff_schemas.frozen import frozen
from signoff_schemas.work import LogEntry, Policy, Work, WorkState

TOTAL_MAX: Final = 10_000
"""Matches are counted up to here: nobody turns so many pages."""


@frozen
class WorkTaskRow:
    """A task as people who share work see it, with its form data and its log."""

    key: int
    process_instance_key: int
    element_instance_key: int
    definition_key: int
    process_id: str
    process_version: int
    node_id: str
    definition_name: str
    """The rule that the node follows, else its id."""
    display_name: str
    state: WorkState
    work: Work
    policy: Policy | None
    input: Mapping[str, object]
    output: Mapping[str, object]
    log: tuple[LogEntry, ...]
    """Oldest first."""
    created_by: str
    updated_by: str
    created_at: int
    updated_at: int
    completed_at: int | None
    tenant: str
    owners: tuple[str, ...] = ()
    """Who started or deployed the process, or made the rule."""
    candidate_users: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()


@frozen
class DocumentRow:
    """One version of a document; instants are epoch milliseconds."""

    kind: str
    id: str
    version: int
    content: Mapping[str, object]
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str


@frozen
class DefinitionRow:
    """A deployed process; ``content`` is its file, verbatim."""

    key: int
    process_id: str
    version: int
    resource_name: str
    content: str
    deployed_at: int
    deployed_by: str
    tenant: str


@frozen
class ElementRow:
    """One visit of the token to a node, and the latest task or job that it was about."""

    key: int
    node_id: str
    entered_at: int
    left_at: int | None
    input: Mapping[str, object]
    output: Mapping[str, object] | None
    ending: str | None
    task_key: int | None
    job_key: int | None
    job_state: str | None
    job_failures: int | None
    job_error_message: str | None
    job_worker: str | None
    job_updated_at: int | None
    job_due_at: int | None


@frozen
class InstanceView:
    """A process instance with all that it keeps of its way."""

    key: int
    process_id: str
    process_version: int
    business_id: str
    tenant: str
    state: str
    ending: str | None
    reason: str
    started_at: int
    ended_at: int | None
    started_by: str
    output: Mapping[str, object] | None
    variables: Mapping[str, object]
    """Of the process scope."""
    content: str
    """Of the definition, verbatim; empty if there is none."""
    elements: tuple[ElementRow, ...]
    """In the order in which they were entered; none of a graph without a frame."""


@frozen
class PersonPattern:
    """Matches people: ``id`` may hold ``*``; None: of either kind."""

    id: str
    group: bool | None = None
    external: bool | None = None


@frozen
class Word:
    """Matches what holds a text somewhere; ``*`` in it stands for anything within a word."""

    text: str


@frozen
class FieldMatch:
    """Matches a JSON object whose member at ``path`` is printed as one of ``values`` (``*``)."""

    path: tuple[str, ...]
    values: tuple[str, ...]


@frozen
class AllOf:
    """Every part matches."""

    parts: "tuple[Matching, ...]"


@frozen
class AnyOf:
    """One of the parts matches."""

    parts: "tuple[Matching, ...]"


Matching = Word | FieldMatch | AllOf | AnyOf
"""``Word`` is a leaf of full-text queries, ``FieldMatch`` one of queries for form data."""


@frozen
class SeenBy:
    """Whose work is looked for: tasks that any one of these holds for; with none of them, nothing.

    External people never are a user or a group of this installation, whatever their names.
    """

    user: str
    groups: tuple[str, ...] = ()
    involved: bool = False
    """The user is the assignee or the claimant, or one of ``groups`` is the assignee."""
    open: bool = False
    """There is no assignee and no claimant, and the task has not ended."""
    shared: bool = False
    """Of the open tasks only those that are anybody's, or have the user or a group as candidate."""
    owned: bool = False
    """The user started or deployed the process, or made the rule."""
    definition_names: tuple[str, ...] = ()
    """It is a task of one of these definitions."""
    process_ids: tuple[str, ...] = ()
    """It is a task of one of these processes."""
    keys: tuple[int, ...] = ()
    """It is one of these."""


@frozen
class WorkQuery:
    """A search: filters are ANDed, what is named in one filter ORed; empty ones do not filter.

    Rows come by ``updated_at`` descending, then by key descending.
    """

    start: int = 0
    size: int = 15
    states: tuple[WorkState, ...] = ()
    assignees: tuple[PersonPattern, ...] = ()
    claimants: tuple[PersonPattern, ...] = ()
    definition_names: tuple[str, ...] = ()
    display_names: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    process_ids: tuple[str, ...] = ()
    process_instance_keys: tuple[int, ...] | None = None
    """None: any. Empty: none."""
    input: Matching | None = None
    output: Matching | None = None
    text: Matching | None = None
    updated_from: int | None = None
    updated_until: int | None = None
    """Inclusive, both."""
    seen_by: SeenBy | None = None
    """None: everybody's."""


@frozen
class FoundWork:
    """One page; ``total`` counts matches up to ``TOTAL_MAX``."""

    rows: tuple[WorkTaskRow, ...]
    total: int
