"""What a gateway reads: the port, in words of no dialect.

Reads go to the database that the commit of an acknowledged command went to, so they see it. While a
transition waits for its listeners a task shows the attributes that are in effect, not those asked
for. Everything is asked for on behalf of some tenants: rows of others look as if they were missing;
``None`` means every tenant.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, Literal, Protocol, TypeVar, overload

from signoff_gateway.reads.rows import (
    FormRow,
    IncidentRow,
    JobRow,
    ProcessInstanceRow,
    ResourceRow,
    UserTaskRow,
    VariableRow,
)
from signoff_gateway.reads.work import (
    DefinitionRow,
    DocumentRow,
    FoundWork,
    InstanceView,
    SeenBy,
    WorkQuery,
    WorkTaskRow,
)
from signoff_schemas.frozen import frozen
from signoff_schemas.replies import Outcome
from signoff_schemas.values import GlobalListener

Tenants = Sequence[str] | None
Row_co = TypeVar("Row_co", covariant=True)

COUNT_MAX = 100_000
"""Matches are counted up to here: beyond it a count costs more than it tells."""


class ReadsError(Exception):
    """A read failed for no fault of what was asked."""


class ReadsUnavailable(ReadsError):
    """The database is away."""


class ReadsExhausted(ReadsError):
    """All connections for reading are busy, and were for the whole time that a read may wait."""


class ReadTimedOut(ReadsError):
    """The query took longer than a query may."""


class BadCursor(ValueError):
    """A cursor that no search with this sort gave."""


class Entity(StrEnum):
    """What can be searched for."""

    USER_TASKS = "user_tasks"
    JOBS = "jobs"
    INCIDENTS = "incidents"
    VARIABLES = "variables"
    PROCESS_INSTANCES = "process_instances"
    GLOBAL_LISTENERS = "global_listeners"


class Operator(StrEnum):
    r"""How a field is compared. On a list all but ALL mean any of its elements.

    NEQ and NOT_IN hold for absent values too. LIKE takes ``*`` for any text, ``?`` for one
    character and ``\`` to escape; letter case counts. EXISTS takes a bool. ALL, on lists: has
    every one of these.
    """

    EQ = "eq"
    NEQ = "neq"
    EXISTS = "exists"
    IN = "in"
    NOT_IN = "not_in"
    LIKE = "like"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    ALL = "all"


Scalar = str | int | bool


@frozen
class Condition:
    """One comparison; ``field`` is a field of the entity's row."""

    field: str
    operator: Operator
    value: Scalar | tuple[str, ...] | tuple[int, ...]


@frozen
class Order:
    """One sort field. Absent values come last in both directions."""

    field: str
    descending: bool = False


@frozen
class Page:
    """Which rows: after skipping ``start``, or the nearest ones after or before a cursor."""

    limit: int = 100
    start: int = 0
    after: str | None = None
    before: str | None = None


@frozen
class Within:
    """What a caller may see: what belongs to one of these processes, or is one of these tasks."""

    process_ids: tuple[str, ...]
    task_keys: tuple[int, ...] = ()


@frozen
class SearchQuery:
    """A search. Conditions are ANDed; of ``any_of``, if there are any, one group must hold as well.

    Rows come in the order of ``order``, ties and all else by ascending key (listeners: by id).
    Variables of a scope that a condition names: of several of one name the newest only.
    """

    conditions: tuple[Condition, ...] = ()
    any_of: tuple[tuple[Condition, ...], ...] = ()
    order: tuple[Order, ...] = ()
    page: Page = Page()
    preview: bool = False
    """Variables: only the beginning of long values."""
    within: Within | None = None
    """None: everything."""


@frozen
class Found(Generic[Row_co]):
    """One page. The cursors are those of its first and last row; None when it is empty."""

    rows: tuple[Row_co, ...]
    total: int
    more_than_total: bool = False
    """``total`` is COUNT_MAX, and there are more."""
    start: str | None = None
    end: str | None = None


class CommandState(StrEnum):
    """Where a command stands. PENDING: it has had no effect so far, if it exists at all."""

    PENDING = "PENDING"
    WAITING = "WAITING"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@frozen
class CommandStatus:
    """What is on record of a command; ``outcome`` once it is settled."""

    state: CommandState
    outcome: Outcome | None = None
    principal: str = ""
    """Who asked for it; empty while that is not on record."""


@frozen
class BrokerRow:
    """A broker that is or was in the cluster."""

    id: str
    host: str
    version: str
    alive: bool


@frozen
class PartitionRow:
    """A partition, and the broker that holds it; empty while none does."""

    id: int
    epoch: int
    broker_id: str
    added_at: int = 0
    """Epoch milliseconds; 0 for those that were there from the start."""


@frozen
class Cluster:
    """The cluster as the database sees it; brokers in the order in which they came."""

    brokers: tuple[BrokerRow, ...]
    partitions: tuple[PartitionRow, ...]


class Reads(Protocol):
    """The read side. Every method raises ReadsUnavailable, ReadsExhausted, ReadTimedOut."""

    async def user_task(self, key: int, tenants: Tenants) -> UserTaskRow | None:
        """A task, finished ones included as long as they are kept."""
        ...

    async def job(self, key: int, tenants: Tenants) -> JobRow | None:
        """A job."""
        ...

    async def incident(self, key: int, tenants: Tenants) -> IncidentRow | None:
        """An incident."""
        ...

    async def variable(self, key: int, tenants: Tenants) -> VariableRow | None:
        """A variable with its whole value."""
        ...

    async def process_instance(self, key: int, tenants: Tenants) -> ProcessInstanceRow | None:
        """A process instance."""
        ...

    async def form(self, key: int, tenants: Tenants) -> FormRow | None:
        """A deployed form."""
        ...

    async def resource(self, key: int, tenants: Tenants) -> ResourceRow | None:
        """A deployed file that is only kept."""
        ...

    async def global_listener(self, identifier: str) -> GlobalListener | None:
        """A global listener; they belong to no tenant."""
        ...

    @overload
    async def search(
        self, entity: Literal[Entity.USER_TASKS], query: SearchQuery, tenants: Tenants
    ) -> Found[UserTaskRow]: ...
    @overload
    async def search(
        self, entity: Literal[Entity.JOBS], query: SearchQuery, tenants: Tenants
    ) -> Found[JobRow]: ...
    @overload
    async def search(
        self, entity: Literal[Entity.INCIDENTS], query: SearchQuery, tenants: Tenants
    ) -> Found[IncidentRow]: ...
    @overload
    async def search(
        self, entity: Literal[Entity.VARIABLES], query: SearchQuery, tenants: Tenants
    ) -> Found[VariableRow]: ...
    @overload
    async def search(
        self, entity: Literal[Entity.PROCESS_INSTANCES], query: SearchQuery, tenants: Tenants
    ) -> Found[ProcessInstanceRow]: ...
    @overload
    async def search(
        self, entity: Literal[Entity.GLOBAL_LISTENERS], query: SearchQuery, tenants: Tenants
    ) -> Found[GlobalListener]: ...
    @overload
    async def search(
        self, entity: Entity, query: SearchQuery, tenants: Tenants
    ) -> Found[object]: ...

    async def task_variables(
        self, task: UserTaskRow, query: SearchQuery, *, innermost: bool = False
    ) -> Found[VariableRow]:
        """Search the variables of all scopes from the task's own up to its process instance.

        With ``innermost``, of several of one name only the one that the task sees.
        """
        ...

    async def work_tasks(self, keys: Sequence[int], tenants: Tenants) -> dict[int, WorkTaskRow]:
        """Tasks of any dialect by key, as people who share work see them."""
        ...

    async def work_task_at(
        self, process_instance_key: int, node_id: str, tenants: Tenants
    ) -> WorkTaskRow | None:
        """The latest task of a node in an instance."""
        ...

    async def search_work(self, query: WorkQuery, tenants: Tenants) -> FoundWork:
        """A page of what matches."""
        ...

    async def display_names(self, seen_by: SeenBy | None, tenants: Tenants) -> list[str]:
        """What tasks are called, each name once, in order; of those of somebody, the newest."""
        ...

    async def documents(
        self, kind: str, identifier: str | None = None, version: int | None = None
    ) -> Sequence[DocumentRow]:
        """Documents of a kind by id, of each the newest version first; they belong to no tenant."""
        ...

    async def definitions(
        self, process_id: str | None = None, version: int | None = None, *, tenants: Tenants
    ) -> Sequence[DefinitionRow]:
        """Definitions that can be started, of each process the newest version first."""
        ...

    async def instance_view(self, key: int, tenants: Tenants) -> InstanceView | None:
        """A process instance with its variables and the way that it went."""
        ...

    async def command(self, identifier: str) -> CommandStatus:
        """What is on record of a command; an id that nobody ever gave is PENDING."""
        ...

    async def cluster(self) -> Cluster:
        """Brokers and partitions as they are now."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
