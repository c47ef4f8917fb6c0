"""One state of the directory: who there is, and what each of them may do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Final, TypeVar

from signoff_gateway.identity import entries as kinds
from signoff_gateway.identity.entries import (
    APPLICATION_PREFIX,
    NO_ENTRIES,
    AccessKey,
    Application,
    Entries,
    GrantedTo,
    GrantEntry,
    Group,
    Role,
    User,
)
from signoff_gateway.identity.roles import BUILT_IN, principal_grants, principal_roles
from signoff_gateway.reads.work import DocumentRow
from signoff_schemas.frozen import frozen
from signoff_schemas.principal import Grant, Principal

E = TypeVar("E", User, Group, Role, Application)


@frozen
class Credential:
    """What somebody has to know to be taken for ``subject``."""

    subject: str
    secret_hash: str = field(repr=False)
    key: str = ""
    """The access key, of an application."""


class Directory:
    """Immutable. The entries of the file win over what the API saved under the same id.

    Args:
        fixed: The entries of the file.
        rows: The documents that the API saved.
    """

    def __init__(self, fixed: Entries = NO_ENTRIES, rows: Iterable[DocumentRow] = ()) -> None:
        by_kind: dict[str, list[DocumentRow]] = {kind: [] for kind in kinds.KINDS}
        for row in rows:
            by_kind[row.kind].append(row)
        self.fixed: Final = frozenset(
            (kind, each.id)
            for kind, found in (
                (kinds.USER, fixed.users),
                (kinds.GROUP, fixed.groups),
                (kinds.ROLE, fixed.roles),
                (kinds.APPLICATION, fixed.applications),
            )
            for each in found
        )
        """Kind and id of what the API cannot change."""
        self.users: Final = _merged(User, by_kind[kinds.USER], fixed.users)
        self.groups: Final = _merged(Group, by_kind[kinds.GROUP], fixed.groups)
        self.roles: Final = _merged(Role, by_kind[kinds.ROLE], fixed.roles)
        self.applications: Final = _merged(
            Application, by_kind[kinds.APPLICATION], fixed.applications
        )
        self.rows: Final = {(row.kind, row.id): row for found in by_kind.values() for row in found}
        self._given: Final = {
            row.id: GrantedTo.model_validate(row.content).grants for row in by_kind[kinds.GRANTS]
        }
        self._keys: Final = {
            key.id: (application, key)
            for application in self.applications.values()
            for key in application.keys
        }
        self._principals: dict[str, Principal] = {}

    @property
    def signing_secret(self) -> str:
        """What tokens are signed with, if it was made by a gateway; else empty."""
        row = self.rows.get((kinds.SIGNING, kinds.SIGNING))
        return "" if row is None else str(row.content.get("secret", ""))

    def credential(self, name: str) -> Credential | None:
        """Of a user, or of an application's active key; None if nobody can log in by this name."""
        user = self.users.get(name)
        if user is not None:
            return Credential(name, user.password_hash) if user.password_hash else None
        found = self._keys.get(name)
        if found is None or not found[1].active:
            return None
        application, key = found
        return Credential(APPLICATION_PREFIX + application.id, key.secret_hash, key.id)

    def subject(self, name: str) -> str:
        """Who is meant by a user's id or an application's key, whatever he can prove; or empty."""
        if name in self.users:
            return name
        found = self._keys.get(name)
        return "" if found is None else APPLICATION_PREFIX + found[0].id

    def application_of_key(self, identifier: str) -> tuple[Application, AccessKey] | None:
        """Whose key this is."""
        return self._keys.get(identifier)

    def groups_of(self, user: str) -> tuple[str, ...]:
        """The groups of a user; none of one that is not known."""
        found = self.users.get(user)
        return () if found is None else found.groups

    def granted(self, subject_type: str, identifier: str) -> tuple[GrantEntry, ...]:
        """What a subject (``USER``, ``GROUP`` or ``ROLE``) was granted through the API."""
        return self._given.get(granted_id(subject_type, identifier), ())

    def all_granted(self) -> Mapping[str, tuple[GrantEntry, ...]]:
        """All of that, by ``granted_id``."""
        return self._given

    def knows_role(self, name: str) -> bool:
        """Whether a role has a meaning here."""
        return name in BUILT_IN or name in self.roles

    def principal(self, subject: str) -> Principal | None:
        """A user, or an application by its user id; None if there is none."""
        known = self._principals.get(subject)
        if known is not None:
            return known
        user = self.users.get(subject)
        application = self.applications.get(subject.removeprefix(APPLICATION_PREFIX))
        if user is not None:
            made = self._made(user.id, user.groups, user.roles, user.grants)
        elif application is not None and subject.startswith(APPLICATION_PREFIX):
            made = self._made(subject, (), application.roles, application.grants)
        else:
            return None
        self._principals[subject] = made
        return made

    def outsider(self, identifier: str, groups: Iterable[str]) -> Principal:
        """Somebody whom an identity provider vouches for, with the rights of his groups here.

        If he has an entry of his own, that is added.
        """
        user = self.users.get(identifier)
        own, roles, grants = (
            ((), (), ()) if user is None else (user.groups, user.roles, user.grants)
        )
        every = tuple(dict.fromkeys((*own, *groups)))
        return self._made(identifier, every, roles, grants)

    def _made(
        self,
        identifier: str,
        groups: tuple[str, ...],
        roles: tuple[str, ...],
        grants: tuple[GrantEntry, ...],
    ) -> Principal:
        every = set(roles)
        found = [each.grant() for each in (*grants, *self.granted("USER", identifier))]
        for name in groups:
            group = self.groups.get(name)
            if group is not None:
                every.update(group.roles)
                found += [each.grant() for each in group.grants]
            found += [each.grant() for each in self.granted("GROUP", name)]
        for name in every:
            found += self._of_role(name)
        return Principal(
            identifier,
            groups=groups,
            roles=principal_roles(every),
            grants=principal_grants(found),
        )

    def _of_role(self, name: str) -> list[Grant]:
        role = self.roles.get(name)
        own = () if role is None else role.grants
        given = (*own, *self.granted("ROLE", name))
        return [*BUILT_IN.get(name, ()), *(each.grant() for each in given)]


def granted_id(subject_type: str, identifier: str) -> str:
    """The id of the document that keeps a subject's grants."""
    return f"{subject_type}:{identifier}"


def _merged(model: type[E], rows: Iterable[DocumentRow], fixed: Iterable[E]) -> dict[str, E]:
    of: Callable[[object], E] = model.model_validate
    found = {row.id: of(row.content) for row in rows}
    found.update({each.id: each for each in fixed})
    return found
