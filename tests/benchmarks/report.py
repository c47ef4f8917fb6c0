"""Findings as a page of text: what was aimed at, what was found, with bars, and where CPU went."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Protocol

BAR = 40
MEMORY_AIM_MIB = 16


class Found(Protocol):
    """What is reported: ``run.Findings``."""

    mode: str
    server: Sequence[str]
    rounds: dict[str, list[dict[str, Any]]]
    memory: dict[int, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Aim:
    """One line of the table."""

    meaning: str
    case: str
    floor: str
    value: Callable[[Mapping[str, Any], Sequence[str]], float]
    aims: tuple[float, float]
    """In one process, as a stack."""
    unit: str

    @property
    def at_most(self) -> bool:
        """Times are aimed at from above, everything else from below."""
        return self.unit == "ms"


def _p50(found: Mapping[str, Any], _server: Sequence[str]) -> float:
    return float(found["p50_ms"])


def _p99(found: Mapping[str, Any], _server: Sequence[str]) -> float:
    return float(found["p99_ms"])


def _rate(found: Mapping[str, Any], _server: Sequence[str]) -> float:
    return float(found["rate"])


def _per_cpu_second(found: Mapping[str, Any], server: Sequence[str]) -> float:
    return float(found["answers"] / sum(found["cpu"][name] for name in server))


AIMS = (
    Aim("plain update, 1 connection, p50", "plain 1", "floor 1", _p50, (1.2, 5), "ms"),
    Aim("plain updates, 64 connections", "plain 64", "floor 64", _rate, (4000, 2000), "/s"),
    Aim("their p99", "plain 64", "floor 64", _p99, (25, 60), "ms"),
    Aim("update with one listener, 1 connection, p50", "listener 1", "", _p50, (3, 10), "ms"),
    Aim("listener round trips, 64 connections", "listener 64", "", _rate, (1000, 600), "/s"),
    Aim("their p99", "listener 64", "", _p99, (0, 0), "ms"),
    Aim("round trips per server CPU-second", "listener 64", "", _per_cpu_second, (800, 500), ""),
    Aim("claim, 1 connection, p50", "claim 1", "floor 1", _p50, (2, 0), "ms"),
    Aim("claims, 64 connections", "claim 64", "floor 64", _rate, (2500, 0), "/s"),
    Aim("their p99", "claim 64", "floor 64", _p99, (0, 0), "ms"),
    Aim("releases, 64 connections", "release 64", "floor 64", _rate, (0, 0), "/s"),
)


def table(found: Found) -> str:
    """The whole page, in Markdown."""
    parts = [_heading(found), _aims(found), _memory(found), _cpu(found), _bars(found)]
    return "\n\n".join(part for part in parts if part)


def line(name: str, connections: int, answer: Mapping[str, Any]) -> str:
    """One measurement in short."""
    return (
        f"{name:8} {connections:3} connections: {answer['rate']:7.0f}/s  "
        f"p50 {answer['p50_ms']:.2f} ms  p99 {answer['p99_ms']:.2f} ms"
    )


def wrong_answers(found: Found) -> dict[str, int]:
    """How many answers had which status other than 200 and 204."""
    wrong: dict[str, int] = {}
    for rounds in found.rounds.values():
        for each in rounds:
            for status, count in each["statuses"].items():
                if status not in {"200", "204"}:
                    wrong[status] = wrong.get(status, 0) + count
    return wrong


def _heading(found: Found) -> str:
    shape = "One process" if found.mode == "dev" else "Stack"
    rounds = max(map(len, found.rounds.values()), default=0)
    return (
        f"### {shape}, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), "
        f"{_memory_gib():.0f} GiB\n\n"
        f"Medians of {rounds} interleaved rounds (least to greatest), "
        f"load {os.getloadavg()[1]:.1f}. Clients and worker share the machine."
    )


def _aims(found: Found) -> str:
    lines = ["| | aim | found | floor in the same run |", "|---|---|---|---|"]
    for aim in AIMS:
        if aim.case not in found.rounds:
            continue
        bound = aim.aims[0 if found.mode == "dev" else 1]
        values = [aim.value(each, found.server) for each in found.rounds[aim.case]]
        sign = "≤" if aim.at_most else "≥"
        met = median(values) <= bound if aim.at_most else median(values) >= bound
        wanted = f"{sign} {bound:,g} {aim.unit}" if bound else ""
        mark = "" if not bound or met else " **missed**"
        floor = [aim.value(each, found.server) for each in found.rounds.get(aim.floor, [])]
        lines.append(
            f"| {aim.meaning} | {wanted} | {_spread(values, aim.unit)}{mark} | "
            f"{_spread(floor, aim.unit)} |"
        )
    return "\n".join(lines)


def _spread(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    shown = [
        f"{each:,.2f}" if unit == "ms" else f"{each:,.0f}"
        for each in (median(values), min(values), max(values))
    ]
    return f"{shown[0]} {unit} ({shown[1]} to {shown[2]})".replace("  ", " ")


def _memory(found: Found) -> str:
    if not found.memory:
        return ""
    first, last = min(found.memory), max(found.memory)
    lines = [
        f"| own memory, MiB | after {first:,} updates | after {last:,} | growth (aim ≤ 16) |",
        "|---|---|---|---|",
    ]
    for name, before in found.memory[first].items():
        after = found.memory[last][name]
        mark = " **missed**" if after - before > MEMORY_AIM_MIB else ""
        lines.append(f"| {name} | {before:.1f} | {after:.1f} | {after - before:+.1f}{mark} |")
    return "\n".join(lines)


def _cpu(found: Found) -> str:
    names = list(dict.fromkeys(name for each in found.rounds.values() for name in each[0]["cpu"]))
    lines = [
        f"| CPU µs per answer | {' | '.join(names)} | together |",
        f"|---|{'---|' * len(names)}---|",
    ]
    for case, rounds in found.rounds.items():
        cells: list[str] = []
        for name in names:
            spent = [
                1e6 * each["cpu"][name] / each["answers"] for each in rounds if name in each["cpu"]
            ]
            cells.append(f"{median(spent):.0f}" if spent else "")
        whole = median(1e6 * sum(each["cpu"].values()) / each["answers"] for each in rounds)
        lines.append(f"| {_words(case)} | {' | '.join(cells)} | {whole:.0f} |")
    return "\n".join(lines)


def _bars(found: Found) -> str:
    rates = {case: median(each["rate"] for each in rounds) for case, rounds in found.rounds.items()}
    most = max(rates.values(), default=1.0)
    lines = [
        f"{_words(case):26} {'█' * max(1, round(BAR * rate / most)):{BAR}} {rate:,.0f}/s"
        for case, rate in rates.items()
    ]
    return "\n".join(["```", *lines, "```"])


def _words(case: str) -> str:
    name, connections = case.split()
    return f"{name}, {connections} connection{'s' if connections != '1' else ''}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((each.partition(": ")[2] for each in lines if each.startswith("model name")), "?")


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
