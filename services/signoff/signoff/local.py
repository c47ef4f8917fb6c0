"""`deploy/local`: the distributed stack as processes of this machine."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from signoff.settings import SettingsError, read_settings
from signoff.stack import Plan, Stack, StackError
from signoff_process.lifecycle import run
from signoff_process.logs import configure_logs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until Ctrl-C; 1 if it does not come up, 2 for wrong arguments or settings."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(port=options.port, partitions=options.partitions)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logs(settings.log_level, settings.log_format)
    plan = Plan(
        data=options.data,
        host=settings.host,
        port=settings.port,
        partitions=settings.partitions,
        brokers=options.brokers,
        gateways=options.gateways,
        kafka=settings.kafka,
        database_url=settings.database_url,
        restart=options.restart,
    )

    async def work(stopping: asyncio.Event) -> int:
        try:
            await Stack(plan).run(stopping)
        except StackError as error:
            print(error, file=sys.stderr)
            return 1
        return 0

    return run(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/local",
        description="Kafka, PostgreSQL, brokers, gateways and a worker as processes of this "
        "machine. SIGNOFF_KAFKA and SIGNOFF_DATABASE_URL name servers that run already; without "
        "them the stack runs its own.",
        epilog="example: deploy/local --partitions 4 --data ./stack --restart",
    )
    parser.add_argument("--partitions", type=int, default=2, metavar="N", help="default 2")
    parser.add_argument("--brokers", type=_positive, default=2, metavar="N", help="default 2")
    parser.add_argument("--gateways", type=_positive, default=2, metavar="N", help="default 2")
    parser.add_argument(
        "--port", type=int, metavar="N", help="of the first gateway; the others follow; 0: any free"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".data/stack"),
        metavar="DIR",
        help="data, logs and stack.json, the list of processes; default .data/stack",
    )
    parser.add_argument("--restart", action="store_true", help="start again what dies")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
