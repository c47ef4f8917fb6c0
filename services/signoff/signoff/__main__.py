"""The `signoff` command: parse, read the settings, call one function, return its exit code."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from signoff.settings import Settings, SettingsError, described, read_settings
from signoff_process.logs import configure_logs

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

COMMON = ("database_url", "log_level", "log_format")
LOG = ("kafka", "kafka_replication", "partitions", "inboxes")
GATEWAY = ("host", "port", "request_timeout", "in_flight_limit", "waits_limit", "body_limit")
IDENTITY = (
    "authentication",
    "allow_open",
    "identity_file",
    "token_secret",
    "token_lifetime",
    "oidc_issuer",
    "oidc_audience",
    "oidc_jwks_url",
    "oidc_user_claim",
    "oidc_groups_claim",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit code 2: wrong arguments or settings; 1: it could not do its work."""
    # Until a command listens to signals itself, Ctrl-C ends it without a word about imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = vars(_parser().parse_args(arguments))
    command: Callable[..., int] = options.pop("run")
    extra = {"module": options.pop("module")} if "module" in options else {}
    try:
        settings = read_settings(**options)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logs(settings.log_level, settings.log_format)
    return command(settings, **extra)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="signoff",
        description="A human-task engine: work that waits for a person.",
        epilog="Start here: signoff dev",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_dev(commands)
    _add_stack(commands)
    return parser


def _add_dev(commands: Commands) -> None:
    dev = _add(
        commands,
        "dev",
        _dev,
        "everything in one process, with demo tasks",
        "signoff dev --port 9090 --request-timeout 5",
        (
            "data",
            "demo",
            "postgres_bin",
            "partitions",
            "retention_days",
            "global_listeners",
            *GATEWAY,
            *IDENTITY,
            *COMMON,
        ),
    )
    dev.add_argument("--data", metavar="DIR", help="where the database is kept")
    dev.add_argument("--port", type=int, metavar="N", help="port of the HTTP API")
    dev.add_argument(
        "--request-timeout",
        type=float,
        metavar="SECONDS",
        help="seconds until a held request is answered 504",
    )
    dev.add_argument(
        "--no-demo",
        dest="demo",
        action="store_const",
        const=False,
        help="no demo worker and no demo tasks",
    )


def _add_stack(commands: Commands) -> None:
    _add(
        commands,
        "gateway",
        _gateway,
        "the HTTP API of a distributed stack",
        "SIGNOFF_KAFKA=127.0.0.1:9092 SIGNOFF_DATABASE_URL=postgresql://… signoff gateway",
        ("global_listeners", *GATEWAY, *IDENTITY, *LOG, *COMMON),
    )
    _add(
        commands,
        "broker",
        _broker,
        "applies commands to state; start as many as you like",
        "SIGNOFF_KAFKA=127.0.0.1:9092 SIGNOFF_DATABASE_URL=postgresql://… signoff broker",
        ("host", "broker_port", "retention_days", *LOG, *COMMON),
    )
    worker = _add(
        commands,
        "worker",
        _worker,
        "runs your listeners",
        "signoff worker my_listeners:listeners",
        ("gateway_url", "worker_concurrency", "log_level", "log_format"),
    )
    worker.add_argument(
        "module",
        metavar="MODULE:LISTENERS",
        help="where your Listeners object is, such as checks:listeners",
    )
    _add(
        commands,
        "migrate",
        _migrate,
        "brings the database schema up to date",
        "SIGNOFF_DATABASE_URL=postgresql://… signoff migrate",
        COMMON,
    )
    _add(
        commands,
        "check",
        _check,
        "checks settings, who may call, PostgreSQL, schema and Kafka; for probes",
        "signoff check && signoff broker",
        ("host", *IDENTITY, *LOG, *COMMON),
    )
    _add(
        commands,
        "hash",
        _hash,
        "makes the hash of a password or key for the identity file",
        "signoff hash < password.txt",
        (),
    )


def _add(
    commands: Commands,
    name: str,
    run: Callable[..., int],
    summary: str,
    example: str,
    settings: Sequence[str],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}{_listed(settings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _listed(settings: Sequence[str]) -> str:
    return f"\n\nsettings, from the environment:\n{described(*settings)}" if settings else ""


# Each command imports what it runs: `signoff --help` must not wait for a web server to load.


def _dev(settings: Settings) -> int:
    from signoff.dev import run_dev  # noqa: PLC0415

    return run_dev(settings)


def _gateway(settings: Settings) -> int:
    from signoff.processes import run_gateway  # noqa: PLC0415

    return run_gateway(settings)


def _broker(settings: Settings) -> int:
    from signoff.processes import run_broker  # noqa: PLC0415

    return run_broker(settings)


def _worker(settings: Settings, *, module: str) -> int:
    from signoff.worker import run_worker  # noqa: PLC0415

    return run_worker(settings, module)


def _migrate(settings: Settings) -> int:
    from signoff.checks import run_migrate  # noqa: PLC0415

    return run_migrate(settings)


def _check(settings: Settings) -> int:
    from signoff.checks import run_check  # noqa: PLC0415

    return run_check(settings)


def _hash(_settings: Settings) -> int:
    from signoff.identity import run_hash  # noqa: PLC0415

    return run_hash()


if __name__ == "__main__":
    sys.exit(main())
