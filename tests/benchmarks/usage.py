"""What processes use: CPU seconds and resident memory, from /proc, children included."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(groups: Mapping[str, int]) -> dict[str, float]:
    """By name: user and system time of a process and its children, also of those that ended."""
    parents = _parents()
    return {
        name: sum(_ticks(pid) for pid in _tree(root, parents)) / TICKS
        for name, root in groups.items()
    }


def memory_mib(groups: Mapping[str, int]) -> dict[str, float]:
    """By name: resident memory that is not backed by files or shared, in MiB.

    PostgreSQL's shared buffers fill up by design and count for every backend that touched them;
    what grows without end is a process's own.
    """
    parents = _parents()
    return {
        name: sum(_own_kib(pid) for pid in _tree(root, parents)) / 1024
        for name, root in groups.items()
    }


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and (fields := _stat(int(each.name))):
            found[int(each.name)] = int(fields[1])
    return found


def _tree(root: int, parents: Mapping[int, int]) -> Iterable[int]:
    yield root
    for pid, parent in parents.items():
        if parent == root:
            yield from _tree(pid, parents)


def _stat(pid: int) -> list[str]:
    """What follows the name, which may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    """Own time and that of children that were waited for."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) if fields else 0


def _own_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)
