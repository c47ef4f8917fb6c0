"""What a directory holds: one form for the identity file and for what the API saves."""

import tomllib
from pathlib import Path
from typing import Annotated, Final

import orjson
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from signoff_gateway.identity.roles import BUILT_IN
from signoff_schemas.limits import NAME_MAX
from signoff_schemas.principal import Grant

USER: Final = "user"
GROUP: Final = "group"
ROLE: Final = "role"
APPLICATION: Final = "application"
GRANTS: Final = "grants"
SIGNING: Final = "token_secret"
APPLICATION_PREFIX: Final = "app:"
"""How the user ids of applications begin, and of nobody else."""
KINDS: Final = (USER, GROUP, ROLE, APPLICATION, GRANTS, SIGNING)
"""The kinds of documents that the API's entries are kept as."""


class IdentityFileError(ValueError):
    """The identity file cannot be used; the message says where and why, and repeats no secret."""


def _must_be_hash(text: str) -> str:
    if text:
        try:
            extract_parameters(text)
        except InvalidHashError:
            raise ValueError("this is no argon2 hash: `signoff hash` makes one") from None
    return text


Id = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Secret = Annotated[str, AfterValidator(_must_be_hash), Field(repr=False)]
"""An argon2id hash; empty: nothing proves to be this one."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GrantEntry(_Entry):
    """What may be done to one resource of a kind; ``*`` stands for all of them."""

    kind: Id
    target: Id
    verbs: tuple[Id, ...]

    def grant(self) -> Grant:
        """As a principal carries it."""
        return Grant(self.kind, self.target, self.verbs)


Grants = tuple[GrantEntry, ...]


class User(_Entry):
    """Somebody."""

    id: Id
    name: str = ""
    groups: tuple[Id, ...] = ()
    roles: tuple[Id, ...] = ()
    grants: Grants = ()
    password_hash: Secret = ""


class Group(_Entry):
    """What its members have in common."""

    id: Id
    description: str = ""
    roles: tuple[Id, ...] = ()
    grants: Grants = ()


class Role(_Entry):
    """A name for some grants."""

    id: Id
    grants: Grants = ()


class AccessKey(_Entry):
    """One of an application's key pairs."""

    id: Id
    secret_hash: Secret
    active: bool = True
    created_at: int = 0


class Application(_Entry):
    """A program that calls in its own name."""

    id: Id
    name: str = ""
    roles: tuple[Id, ...] = ()
    grants: Grants = ()
    keys: tuple[AccessKey, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict[str, str])


class GrantedTo(_Entry):
    """Grants that were given through the API, to whoever the document's id names."""

    grants: Grants = ()


class Entries(_Entry):
    """A whole directory as a file has it."""

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    roles: tuple[Role, ...] = ()
    applications: tuple[Application, ...] = ()


NO_ENTRIES: Final = Entries()


def read_entries(path: Path) -> Entries:
    """The entries of a file: TOML if it is named so, else JSON. Raises: IdentityFileError."""
    try:
        content = path.read_bytes()
        given = tomllib.loads(content.decode()) if path.suffix == ".toml" else orjson.loads(content)
        entries = Entries.model_validate(given)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5]
        )
        raise IdentityFileError(f"{path}: {found}") from None
    except OSError as error:
        raise IdentityFileError(f"{path}: {error.strerror}") from None
    except ValueError:
        # The parser's own words may quote the file, and that holds secrets.
        raise IdentityFileError(f"{path}: this is no valid {path.suffix or 'JSON'} file") from None
    _must_be_unique(path, entries)
    _must_have_roles_that_exist(path, entries)
    for each in entries.users:
        if each.id.startswith(APPLICATION_PREFIX):
            raise IdentityFileError(
                f"{path}: the user '{each.id}' needs another id: those that begin with"
                f" '{APPLICATION_PREFIX}' are of applications"
            )
    return entries


def _must_be_unique(path: Path, entries: Entries) -> None:
    keys = [key for each in entries.applications for key in each.keys]
    for what, found in (
        ("user", entries.users),
        ("group", entries.groups),
        ("role", entries.roles),
        ("application", entries.applications),
        ("access key", keys),
    ):
        names = [each.id for each in found]
        for name in names:
            if names.count(name) > 1:
                raise IdentityFileError(f"{path}: the {what} '{name}' is there twice")


def _must_have_roles_that_exist(path: Path, entries: Entries) -> None:
    for each in entries.roles:
        if each.id.upper() in BUILT_IN:
            raise IdentityFileError(
                f"{path}: the role '{each.id}' needs another id: {each.id.upper()} is always there"
            )
    known = {each.id for each in entries.roles}.union(BUILT_IN)
    holders: list[User | Group | Application]
    holders = [*entries.users, *entries.groups, *entries.applications]
    for holder in holders:
        for role in holder.roles:
            if role not in known:
                raise IdentityFileError(f"{path}: '{holder.id}' has the unknown role '{role}'")
