"""Every setting of every process: flat, bounded, read once, refused by name when unknown."""

import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as NoJson

from signoff_process.logs import LogFormat, LogLevel
from signoff_schemas.ids import PARTITIONS_MAX

PREFIX = "SIGNOFF_"
FOR_TESTS = "SIGNOFF_TEST_"
"""Addresses for the test suites: not settings of the product."""

AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
Port = Annotated[int, Field(ge=0, le=65535)]


TOKEN_SECRET_MIN = 32


class Authentication(StrEnum):
    """Whether callers must prove who they are."""

    OPEN = "open"
    REQUIRED = "required"


def _long_enough(secret: SecretStr) -> SecretStr:
    if 0 < len(secret.get_secret_value()) < TOKEN_SECRET_MIN:
        raise ValueError(f"a secret has {TOKEN_SECRET_MIN} characters or more")
    return secret


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("this is no URL of HTTP")  # which may hold a password
    return text


def default_data_dir() -> Path:
    """The user's data folder by the XDG rule; of root, whose home is closed to others, /var/lib."""
    if chosen := os.environ.get("XDG_DATA_HOME"):
        return Path(chosen) / "signoff"
    if os.geteuid() == 0:
        return Path("/var/lib/signoff")
    return Path.home() / ".local" / "share" / "signoff"


class SettingsError(ValueError):
    """A setting is unknown or has a value that it cannot have; the message names each."""


class Settings(BaseSettings):
    """Settings of all processes. Each is also an environment variable: `SIGNOFF_` and its name.

    A variable that is empty counts as left out.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    data: AbsolutePath = Field(
        default_factory=default_data_dir,
        description="Where `signoff dev` keeps its database: ~/.local/share/signoff, of root"
        " /var/lib/signoff.",
    )
    host: str = Field("127.0.0.1", description="Address that a process listens on.")
    port: Port = Field(8080, description="Port of the gateway's HTTP API; 0 takes a free one.")
    broker_port: Port = Field(8081, description="Port of a broker's /metrics; 0 takes a free one.")
    demo: bool = Field(
        default=True, description="Whether `signoff dev` shows demo tasks and a worker."
    )
    request_timeout: float = Field(
        15, gt=0, le=3600, description="Seconds until a held request is answered 504."
    )
    database_url: str = Field(
        "", description="PostgreSQL, as postgresql://…; empty: `signoff dev` runs its own."
    )
    postgres_bin: Path | None = Field(
        None, description="Folder of the PostgreSQL programs that `signoff dev` runs."
    )
    kafka: str = Field("", description="Kafka bootstrap address, host:port[,host:port…].")
    kafka_replication: int = Field(
        1, ge=1, le=9, description="Replicas of each topic that is created."
    )
    partitions: int = Field(
        1,
        ge=1,
        le=PARTITIONS_MAX,
        description="Partitions, the same for all processes; may grow later, never shrink.",
    )
    inboxes: int = Field(8, ge=1, le=1024, description="Partitions of the reply and job topics.")
    in_flight_limit: int = Field(
        512, ge=1, description="Commands in flight per partition until callers get 503."
    )
    waits_limit: int = Field(10_000, ge=1, description="Requests that one gateway holds at a time.")
    body_limit: int = Field(4 * 1024 * 1024, ge=1024, description="Largest request body, bytes.")
    retention_days: float = Field(
        30, gt=0, le=100_000, description="Days that finished tasks, jobs and variables are kept."
    )
    global_listeners: list[dict[str, object]] = Field(
        default_factory=list[dict[str, object]],
        description="Listeners of every task, a JSON list: id, type, event-types, retries, "
        "after-non-global, priority.",
    )
    authentication: Authentication = Field(
        Authentication.OPEN,
        description="open: everybody is let in, as an admin; required: callers prove who they are.",
    )
    allow_open: bool = Field(
        default=False,
        description="Lets an open gateway listen on an address that is not this machine's own.",
    )
    identity_file: AbsolutePath | None = Field(
        None,
        description="Users, groups, roles and applications: a JSON or TOML file, as"
        " deploy/README.md shows.",
    )
    token_secret: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        SecretStr(""),
        description="Signs tokens, 32 characters or more; empty: one is made and kept.",
    )
    token_lifetime: int = Field(
        3600, ge=60, le=30 * 86_400, description="Seconds that a token is good for, at most."
    )
    oidc_issuer: str = Field(
        "", description="Identity provider whose Bearer tokens are accepted, as https://…"
    )
    oidc_audience: str = Field("", description="What its tokens must be meant for.")
    oidc_jwks_url: str = Field(
        "", description="Where its keys are; empty: as its discovery document says."
    )
    oidc_user_claim: str = Field("sub", min_length=1, description="The claim that names the user.")
    oidc_groups_claim: str = Field(
        "groups", min_length=1, description="The claim that lists the user's groups."
    )
    gateway_url: Annotated[str, AfterValidator(_url)] = Field(
        "http://127.0.0.1:8080",
        description="Where a worker finds the gateway; http://USER:PASSWORD@… to log in.",
    )
    worker_concurrency: int = Field(
        8, ge=1, le=4096, description="Handlers that a worker runs at a time."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Least level that is logged.")
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="console for people, json for machines; auto asks the terminal."
    )


def read_settings(**given: object) -> Settings:
    """The settings: what is given (flags that were named), then the environment, then defaults.

    Raises: SettingsError naming each unknown setting and each wrong value.
    """
    problems = [f"{name} is no setting of Signoff" for name in _unknown_names()]
    named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        settings = Settings(**named)
    except ValidationError as error:
        problems += [
            f"{PREFIX}{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
        raise SettingsError("\n".join(problems)) from error
    except NoJson as error:
        name = re.findall(r'field "(\w+)"', str(error))[0]
        problems.append(f"{PREFIX}{name.upper()}: this is no JSON")
        raise SettingsError("\n".join(problems)) from error
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def described(*names: str) -> str:
    """The named settings for a help text: variable, default, meaning."""
    lines: list[str] = []
    for name in names:
        field = Settings.model_fields[name]
        is_empty = field.default_factory or field.default in ("", None, SecretStr(""))
        default = "" if is_empty else field.default
        shown = f" [{default}]" if default != "" else ""
        lines.append(f"  {PREFIX}{name.upper()}{shown}\n      {field.description}")
    return "\n".join(lines)


def _unknown_names() -> Iterator[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        upper = name.upper()
        if upper.startswith(PREFIX) and not upper.startswith(FOR_TESTS) and upper not in known:
            yield name
