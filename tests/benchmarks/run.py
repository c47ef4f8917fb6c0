"""Measures Signoff beside its floors: `python -m tests.benchmarks.run dev`, or `stack`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop

from tests.benchmarks import report
from tests.benchmarks.systems import System, create_tasks, distributed, measured, one_process
from tests.benchmarks.usage import memory_mib

CLIENT = ("tests.benchmarks.client",)
CONNECTIONS = (1, 64)
WARM_SECONDS = 1.0
WARM_UP_SECONDS = 5.0
"""Of each case before the first round: a Java machine compiles what it runs often."""
TASKS = 1000
CLAIMED = {1: 1000, 64: 10_000}
"""Tasks that are claimed, and released, once a round, by number of connections."""
MEMORY_AT = (20_000, 200_000)
"""Updates after which memory is read."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load, measured once a round."""

    name: str
    connections: int
    command: Sequence[str]
    port: int
    watched: dict[str, int]
    tasks: Sequence[str]
    verb: str = "update"

    @property
    def group(self) -> str:
        """What it is called on the command line: releases make tasks ready for the next claims."""
        return "claim" if self.verb == "release" else self.name

    def plan(self, seconds: float, count: int = 0) -> dict[str, Any]:
        """What the client is told."""
        return {
            "connections": self.connections,
            "verb": self.verb,
            "port": self.port,
            "watched": self.watched,
            "tasks": self.tasks,
            "warm_seconds": 0 if count else WARM_SECONDS,
            "seconds": seconds,
            "count": count,
        }


@dataclass(slots=True)
class Findings:
    """All that was measured."""

    mode: str
    server: Sequence[str]
    """Names of the processes that are the server."""
    rounds: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """By case and number of connections."""
    memory: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    """By number of updates."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one mode; 1 if an answer was neither 200 nor 204."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="signoff-benchmark-") as scratch:
        data = options.data or Path(scratch)
        data.mkdir(parents=True, exist_ok=True)
        # The server of a user of its own must be able to enter.
        data.chmod(0o755)
        system = (
            one_process(data) if options.mode == "dev" else distributed(data, options.partitions)
        )
        findings = uvloop.run(_measure(system, options))
    print(report.table(findings))
    if options.json:
        options.json.write_bytes(
            orjson.dumps(findings, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        )
    wrong = report.wrong_answers(findings)
    if wrong:
        print(f"answers other than 200 and 204: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


async def _measure(
    starting: AbstractAsyncContextManager[System], options: argparse.Namespace
) -> Findings:
    _say(f"starting {options.mode}")
    async with starting as system:
        wants_claims = not options.only or "claim" in options.only
        count = max(CLAIMED.values()) if wants_claims else TASKS
        _say(f"creating {count + TASKS} tasks")
        plain = await create_tasks(system.port, count, listener=False)
        heard = await create_tasks(system.port, TASKS, listener=True)
        findings = Findings(options.mode, tuple(system.server))
        cases = [
            case
            for connections in CONNECTIONS
            for case in _cases(system, connections, plain, heard)
            if not options.only or case.group in options.only
        ]
        _say("warming up")
        for case in (each for each in cases if each.connections == CONNECTIONS[-1]):
            await measured(case.command, case.plan(WARM_UP_SECONDS))
        for number in range(1, options.rounds + 1):
            for case in cases:
                answer = await measured(case.command, case.plan(options.seconds))
                findings.rounds.setdefault(f"{case.name} {case.connections}", []).append(answer)
                _say(
                    f"{number}/{options.rounds} {report.line(case.name, case.connections, answer)}"
                )
        if options.memory:
            await _watch_memory(system, plain[:TASKS], findings)
    return findings


def _cases(
    system: System, connections: int, plain: Sequence[str], heard: Sequence[str]
) -> list[Case]:
    floor = system.floor
    watched = system.watched
    updated, claimed = plain[:TASKS], plain[: CLAIMED[connections]]
    return [
        Case("floor", connections, floor.command, floor.port, dict(floor.server), updated),
        Case("plain", connections, CLIENT, system.port, watched, updated),
        Case("listener", connections, CLIENT, system.port, watched, heard),
        *(
            Case(verb, connections, CLIENT, system.port, watched, claimed, verb)
            for verb in ("claim", "release")
        ),
    ]


async def _watch_memory(system: System, plain: Sequence[str], findings: Findings) -> None:
    done = sum(each["answers"] for each in findings.rounds.get("plain 64", []))
    _say(f"memory: {MEMORY_AT[-1]} further updates after {done}")
    case = Case("plain", CONNECTIONS[-1], CLIENT, system.port, system.watched, plain)
    before = 0
    for count in MEMORY_AT:
        await measured(case.command, case.plan(0, count - before))
        findings.memory[count] = memory_mib(system.watched)
        _say(f"after {count}: {findings.memory[count]}")
        before = count


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.run",
        description="Updates per second, latency, CPU and memory, beside what the parts can do. "
        "Rounds are interleaved; the table shows medians and the spread over the rounds.",
        epilog="example: python -m tests.benchmarks.run dev --rounds 3 --json /tmp/dev.json",
    )
    parser.add_argument("mode", choices=("dev", "stack"), help="one process, or the stack")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help="of each measurement; default 3"
    )
    parser.add_argument(
        "--partitions", type=int, default=1, metavar="N", help="of the stack; default 1"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=("floor", "plain", "listener", "claim"),
        help="measure this only; may be repeated",
    )
    parser.add_argument(
        "--no-memory",
        dest="memory",
        action="store_false",
        help=f"without the memory after {MEMORY_AT[-1]:,} updates",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep data and logs there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
