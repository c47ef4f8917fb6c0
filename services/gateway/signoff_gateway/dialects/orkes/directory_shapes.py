"""Users, groups, applications and grants as types, from which the API's document is made."""

from typing import Literal

from typing_extensions import TypedDict

from signoff_gateway.dialects.orkes.shapes import Id, Json, Moment, Tag, Texts


class Role(TypedDict):
    """A role; what it permits is fixed."""

    name: str
    permissions: list[Json]


class Group(TypedDict):
    """A group of users."""

    id: str
    description: str
    roles: list[Role]
    defaultAccess: Json
    contactInformation: Json


class User(TypedDict):
    """A user, or the user that an application calls as."""

    id: str
    name: str
    groups: list[Group]
    roles: list[Role]
    uuid: Id
    namespace: str
    contactInformation: Json
    applicationUser: bool
    orkesApp: bool
    orkesWorkersApp: bool
    orkesApiGateway: bool


class Token(TypedDict):
    """A token to be sent as ``X-Authorization``."""

    token: str


class Claims(TypedDict):
    """A caller with the claims of his token."""

    user: User
    claims: Json


class Application(TypedDict):
    """A program with keys of its own."""

    id: str
    name: str
    createdBy: str
    createTime: Moment
    updatedBy: str
    updateTime: Moment
    tags: list[Tag]


class AccessKey(TypedDict):
    """An access key, without its secret."""

    id: str
    createdAt: Moment
    status: Literal["ACTIVE", "INACTIVE"]


class CreatedAccessKey(TypedDict):
    """A new access key: nobody is told the secret again."""

    id: str
    secret: str


class Target(TypedDict):
    """What is granted access to."""

    type: str
    id: str


class GrantedAccess(TypedDict):
    """Accesses to a target."""

    target: Target
    access: Texts


class Grants(TypedDict):
    """What somebody was granted."""

    grantedAccess: list[GrantedAccess]


class Subject(TypedDict):
    """To whom something is granted."""

    type: str
    id: str
