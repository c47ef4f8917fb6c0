"""The graphs of deployed processes, which never change: each is read and parsed once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

from signoff_schemas.graph import ProcessGraph

CHUNK: Final = 100
"""Graphs that are parsed in one go: some ten milliseconds, in which a broker does nothing else."""

Read = Callable[[Sequence[int]], Awaitable[Sequence[Sequence[Any]]]]


class Graphs:
    """What the partitions of one broker have of them, by definition key.

    Kept as long as somebody uses it: a graph that is in nobody's settings is gone from here too.
    """

    def __init__(self) -> None:
        self._parsed: WeakValueDictionary[int, ProcessGraph] = WeakValueDictionary()

    async def of(self, keys: Collection[int], read: Read) -> Mapping[int, ProcessGraph]:
        """All of these. ``read`` gives (key, graph as JSON) of those that are asked of it."""
        found = {key: graph for key in keys if (graph := self._parsed.get(key)) is not None}
        missing = [key for key in keys if key not in found]
        for start in range(0, len(missing), CHUNK):
            for key, text in await read(missing[start : start + CHUNK]):
                found[key] = self._parsed[key] = ProcessGraph.model_validate_json(text)
        return found
