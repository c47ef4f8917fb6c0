"""Users, groups, applications and grants: request bodies, and how they are shown."""

from collections.abc import Iterable
from typing import Annotated, Final, cast
from uuid import NAMESPACE_URL, uuid5

from pydantic import BeforeValidator, Field

from signoff_gateway.dialects.orkes.answers import BadRequest
from signoff_gateway.dialects.orkes.validation import Body, Int64, Name, Names, RequiredName
from signoff_gateway.identity.directory import Directory
from signoff_gateway.identity.entries import (
    APPLICATION,
    APPLICATION_PREFIX,
    AccessKey,
    Application,
    GrantEntry,
    Group,
    User,
)
from signoff_gateway.identity.passwords import SECRET_MAX

JsonObject = dict[str, object]

TARGETS: Final = {
    "TASK_DEF": frozenset({"CREATE", "READ", "EXECUTE", "UPDATE", "DELETE"}),
    "WORKFLOW_DEF": frozenset({"CREATE", "READ", "EXECUTE", "UPDATE", "DELETE"}),
    "USER_FORM_TEMPLATE": frozenset({"CREATE", "READ", "EXECUTE", "UPDATE", "DELETE"}),
}
"""What can be granted: kinds of resources and, of each, the accesses."""
ACCESSES: Final = ("CREATE", "READ", "EXECUTE", "UPDATE", "DELETE")
SECRET_MIN: Final = 8

LoginSecret = Annotated[str, Field(max_length=SECRET_MAX)]


def _one_is_a_list(value: object) -> object:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


Roles = Annotated[
    list[RequiredName],
    Field(max_length=50),
    BeforeValidator(
        _one_is_a_list, json_schema_input_type=list[RequiredName] | RequiredName | None
    ),
]


class TokenBody(Body):
    """A login: of an application by its key, or of a user by his password."""

    key_id: Name = ""
    key_secret: LoginSecret = Field("", repr=False)
    email: Name = ""
    password: LoginSecret = Field("", repr=False)
    expiration: Int64 | None = None


class UserBody(Body):
    """A user as clients save one; ``password`` is an addition of ours, for Basic."""

    name: str = Field("", max_length=500)
    groups: Names = Field(default_factory=list[str])
    roles: Roles = Field(default_factory=list[str])
    password: Annotated[str, Field(min_length=SECRET_MIN, max_length=SECRET_MAX)] | None = Field(
        None, repr=False
    )


class GroupBody(Body):
    """A group as clients save one."""

    description: str = Field("", max_length=500)
    roles: Roles = Field(default_factory=list[str])
    default_access: JsonObject | None = None


class ApplicationBody(Body):
    """An application as clients save one."""

    name: RequiredName


class SubjectBody(Body):
    """To whom something is granted."""

    type: Name = "USER"
    id: RequiredName


class TargetBody(Body):
    """What is granted access to."""

    type: Name
    id: RequiredName


class GrantBody(Body):
    """Accesses of a subject to a target, to be granted or taken away."""

    subject: SubjectBody
    target: TargetBody
    access: list[Name] = Field(min_length=1, max_length=len(ACCESSES))

    def entry(self) -> GrantEntry:
        """As the directory keeps it. Raises: BadRequest."""
        allowed = TARGETS.get(self.target.type)
        if allowed is None:
            known = ", ".join(TARGETS)
            raise BadRequest(f"Target type '{self.target.type[:50]}' is not one of {known}")
        unknown = set(self.access) - allowed
        if unknown:
            raise BadRequest(f"Access '{min(unknown)[:50]}' is not one of {', '.join(ACCESSES)}")
        verbs = tuple(each for each in ACCESSES if each in self.access)
        return GrantEntry(kind=self.target.type, target=self.target.id, verbs=verbs)


def known_roles(directory: Directory, names: Iterable[str]) -> tuple[str, ...]:
    """The roles, each once. Raises: BadRequest if one has no meaning here."""
    found = tuple(dict.fromkeys(names))
    for name in found:
        if not directory.knows_role(name):
            raise BadRequest(f"There is no role '{name[:100]}'")
    return found


def shown_user(directory: Directory, user: User) -> JsonObject:
    """A user."""
    groups = [directory.groups.get(each, Group(id=each)) for each in user.groups]
    return _shown(user.id, user.name, [shown_group(each) for each in groups], user.roles)


def shown_application_user(application: Application) -> JsonObject:
    """An application as the user that it calls as."""
    identifier = APPLICATION_PREFIX + application.id
    return _shown(identifier, application.name, [], application.roles, application=True)


def shown_subject(
    directory: Directory, subject: str, groups: Iterable[str], roles: Iterable[str]
) -> JsonObject:
    """Whoever calls: with an entry or, vouched for by others, without one."""
    user = directory.users.get(subject)
    if user is not None:
        return shown_user(directory, user)
    application = directory.applications.get(subject.removeprefix(APPLICATION_PREFIX))
    if application is not None and subject.startswith(APPLICATION_PREFIX):
        return shown_application_user(application)
    found = [shown_group(directory.groups.get(each, Group(id=each))) for each in groups]
    return _shown(subject, subject, found, [each.upper() for each in roles])


def shown_group(group: Group) -> JsonObject:
    """A group."""
    return {
        "id": group.id,
        "description": group.description,
        "roles": _shown_roles(group.roles),
        "defaultAccess": {},
        "contactInformation": {},
    }


def shown_application(directory: Directory, application: Application) -> JsonObject:
    """An application, without a word of its keys."""
    row = directory.rows.get((APPLICATION, application.id))
    return {
        "id": application.id,
        "name": application.name,
        "createdBy": "" if row is None else row.created_by,
        "createTime": 0 if row is None else row.created_at,
        "updatedBy": "" if row is None else row.updated_by,
        "updateTime": 0 if row is None else row.updated_at,
        "tags": shown_tags(application),
    }


def shown_tags(application: Application) -> list[JsonObject]:
    """An application's tags."""
    return [{"key": key, "value": value} for key, value in sorted(application.tags.items())]


def shown_key(key: AccessKey) -> JsonObject:
    """An access key, without its secret."""
    status = "ACTIVE" if key.active else "INACTIVE"
    return {"id": key.id, "createdAt": key.created_at, "status": status}


def shown_grants(grants: Iterable[GrantEntry]) -> JsonObject:
    """What somebody was granted."""
    return {
        "grantedAccess": [
            {"target": {"type": each.kind, "id": each.target}, "access": list(each.verbs)}
            for each in grants
        ]
    }


def _shown(
    identifier: str,
    name: str,
    groups: list[JsonObject],
    roles: Iterable[str],
    *,
    application: bool = False,
) -> JsonObject:
    return {
        "id": identifier,
        "name": name or identifier,
        "groups": cast("list[object]", groups),
        "roles": _shown_roles(roles),
        "uuid": str(uuid5(NAMESPACE_URL, f"signoff:{identifier}")),
        "namespace": "default",
        "contactInformation": {},
        "applicationUser": application,
        "orkesApp": False,
        "orkesWorkersApp": False,
        "orkesApiGateway": False,
    }


def _shown_roles(names: Iterable[str]) -> list[object]:
    return [{"name": each, "permissions": []} for each in names]
