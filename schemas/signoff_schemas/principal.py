"""Who asks: verified by the gateway, carried by every command, recorded on every event."""

from dataclasses import dataclass

from signoff_schemas.ids import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. An open installation has one default user with every right."""

    id: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)


ENGINE = Principal("signoff")
"""The actor of what no person asked for: timers, dispatch, static configuration."""
