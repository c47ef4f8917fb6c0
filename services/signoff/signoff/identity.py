"""Who may call a gateway, as the settings say; refused by name where that cannot be meant."""

import getpass
import ipaddress
import sys

from signoff.settings import Authentication, Settings
from signoff_gateway.identity.entries import (
    NO_ENTRIES,
    Entries,
    GrantEntry,
    Group,
    IdentityFileError,
    User,
    read_entries,
)
from signoff_gateway.identity.oidc import Provider
from signoff_gateway.identity.passwords import hash_secret
from signoff_gateway.identity.service import IdentityValues

_ON_TASKS = ("UPDATE_USER_TASK", "READ_USER_TASK", "READ_PROCESS_INSTANCE")


class IdentityRefused(ValueError):
    """The settings would let in everybody, or nobody; the message says what to change."""


def identity_values(settings: Settings, otherwise: Entries = NO_ENTRIES) -> IdentityValues:
    """What a gateway is told; ``otherwise``: who is there if there is no identity file.

    Raises: IdentityRefused.
    """
    required = settings.authentication is Authentication.REQUIRED
    if not required:
        _must_be_guarded(settings)
        if settings.oidc_issuer:
            raise IdentityRefused(
                "SIGNOFF_OIDC_ISSUER does nothing with SIGNOFF_AUTHENTICATION=open: require it"
            )
    elif settings.identity_file is None and not settings.oidc_issuer:
        raise IdentityRefused(
            "SIGNOFF_AUTHENTICATION=required, but nobody could log in: name a first admin in"
            " SIGNOFF_IDENTITY_FILE, or an identity provider in SIGNOFF_OIDC_ISSUER"
        )
    path = settings.identity_file
    # Ready-made users have no passwords: where these are asked for they could only be in the way.
    entries = NO_ENTRIES if required else otherwise
    try:
        if path is not None:
            entries = read_entries(path)
    except IdentityFileError as error:
        raise IdentityRefused(f"SIGNOFF_IDENTITY_FILE: {error}") from None
    return IdentityValues(
        required=required,
        entries=entries,
        token_secret=settings.token_secret.get_secret_value(),
        token_lifetime=settings.token_lifetime,
        provider=_provider(settings),
    )


def ready_made() -> Entries:
    """Three users for an open product on one's own machine; they have no passwords."""
    grants = (
        GrantEntry(kind="PROCESS_DEFINITION", target="*", verbs=_ON_TASKS),
        GrantEntry(kind="USER_FORM_TEMPLATE", target="*", verbs=("READ",)),
    )
    reviewers = Group(id="reviewers", description="Who review", grants=grants)
    return Entries(
        users=(
            User(id="demo", name="Demo", roles=("ADMIN",)),
            User(id="jane", name="Jane", groups=("reviewers",), roles=("USER",)),
            User(id="john", name="John", groups=("reviewers",), roles=("USER",)),
        ),
        groups=(reviewers,),
    )


def who_may_call(values: IdentityValues) -> str:
    """A line for a terminal."""
    if values.required:
        return "callers must prove who they are (SIGNOFF_AUTHENTICATION=required)"
    shown = [
        f"{user.id} ({', '.join([*(each.lower() for each in user.roles), *user.groups])})"
        for user in values.entries.users
    ]
    named = f"; to be somebody else: curl -u NAME:, of {', '.join(shown)}" if shown else ""
    return f"open: nobody is asked for a password, everybody is demo, an admin{named}"


def run_hash() -> int:
    """Print the hash of what is typed or piped in; 1 if that is nothing."""
    secret = getpass.getpass("secret: ") if sys.stdin.isatty() else sys.stdin.readline()
    secret = secret.rstrip("\n")
    if not secret:
        print("there is nothing to hash", file=sys.stderr)
        return 1
    print(hash_secret(secret))
    return 0


def _must_be_guarded(settings: Settings) -> None:
    if settings.allow_open or _is_loopback(settings.host):
        return
    raise IdentityRefused(
        f"SIGNOFF_AUTHENTICATION=open on SIGNOFF_HOST={settings.host} would let everybody in as an"
        " admin. Set SIGNOFF_AUTHENTICATION=required, or SIGNOFF_HOST=127.0.0.1, or, if something"
        " else guards this address, SIGNOFF_ALLOW_OPEN=true"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        if settings.oidc_audience or settings.oidc_jwks_url:
            raise IdentityRefused("SIGNOFF_OIDC_ISSUER is needed beside the other SIGNOFF_OIDC_…")
        return None
    if not settings.oidc_audience:
        raise IdentityRefused(
            "SIGNOFF_OIDC_AUDIENCE is needed: tokens for others of that issuer are no business"
            " of this installation"
        )
    return Provider(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_jwks_url,
        settings.oidc_user_claim,
        settings.oidc_groups_claim,
    )
