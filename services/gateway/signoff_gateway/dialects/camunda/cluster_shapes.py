"""What this dialect says of commands, the cluster and the caller, as types."""

from typing import Literal

from typing_extensions import TypedDict

from signoff_gateway.reads import CommandState

Texts = list[str]


class Rejection(TypedDict):
    """Why a command was refused."""

    status: int
    title: str
    detail: str


class Command(TypedDict):
    """What became of a command."""

    commandId: str
    status: CommandState
    result: object
    rejection: Rejection | None


class Withdrawal(TypedDict):
    """A command whose status is final now."""

    commandId: str
    status: Literal["APPLIED", "REJECTED", "WITHDRAWN"]


class Partition(TypedDict):
    """A partition that a broker leads."""

    partitionId: int
    role: Literal["leader"]
    health: Literal["healthy"]
    state: Literal["active"]


class Broker(TypedDict):
    """A broker that is alive."""

    nodeId: int
    brokerId: str
    host: str
    port: int
    version: str
    partitions: list[Partition]


class Topology(TypedDict):
    """The cluster."""

    brokers: list[Broker]
    clusterId: None
    clusterSize: int
    partitionsCount: int
    replicationFactor: int
    gatewayVersion: str
    lastCompletedChangeId: str


class License(TypedDict):
    """There is none to check."""

    validLicense: bool
    licenseType: str
    isCommercial: bool
    expiresAt: None


class Tenant(TypedDict):
    """A tenant of the caller."""

    tenantId: str
    name: str
    description: str


class Me(TypedDict):
    """Who the caller is taken for."""

    username: str
    displayName: str
    email: None
    authorizedComponents: Texts
    tenants: list[Tenant]
    groups: Texts
    roles: Texts
    salesPlanType: None
    c8Links: dict[str, str]
    canLogout: bool
