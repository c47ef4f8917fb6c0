"""Who asks: verified by the gateway, carried by every command, recorded on every event."""

from typing import Final

from signoff_schemas.frozen import frozen
from signoff_schemas.ids import DEFAULT_TENANT

ADMIN: Final = "admin"
"""The role that may do everything."""
ANY: Final = "*"


@frozen
class Grant:
    """What a principal may do to one resource (``target``; ``*``: to all) of one kind."""

    kind: str
    target: str
    verbs: tuple[str, ...]


@frozen
class Principal:
    """A verified caller. In an open installation everybody has the role ``admin``."""

    id: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)
    grants: tuple[Grant, ...] = ()

    def is_granted(self, kind: str, target: str, verb: str) -> bool:
        """Whether one of the grants says so, or the principal is an admin."""
        if ADMIN in self.roles:
            return True
        return any(
            each.kind == kind and each.target in (target, ANY) and verb in each.verbs
            for each in self.grants
        )


@frozen
class Access:
    """By what a caller qualifies for a command: any one of these is enough, an admin always does.

    Each dialect has its own table; the engine asks in its own order of checks.
    """

    owner: bool = False
    """Who started the process, or deployed it, or made the task's rule."""
    assignee: bool = False
    """Who is the assignee, or belongs to the group that is."""
    claimant: bool = False
    anybody_if_open: bool = False
    """The task has no assignee."""
    verb: str = ""
    """A grant on the task's definition: kind ``kind``, target the node's rule or id."""
    kind: str = ""


ENGINE = Principal("signoff", roles=(ADMIN,))
"""The actor of what no person asked for: timers, dispatch, static configuration."""
