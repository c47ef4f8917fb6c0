"""Keeps the World small: the instances that were not written for the longest time leave first."""

from collections.abc import Iterable
from itertools import islice

from signoff_broker.engine.state import Instance
from signoff_broker.engine.world import World

# Of an instance without its variables; measured with tracemalloc, rounded up.
INSTANCE_BYTES = 2_500


class Cache:
    """Bounds of a world, which keeps its instances in the order in which they were last put."""

    __slots__ = ("_bytes", "_bytes_max", "_instances_max", "_sizes", "world")

    def __init__(self, world: World, *, instances_max: int, bytes_max: int) -> None:
        self.world = world
        self._instances_max = instances_max
        self._bytes_max = bytes_max
        self._sizes: dict[int, int] = {}
        self._bytes = 0

    def weigh(self, keys: Iterable[int]) -> None:
        """Note how large these instances are: those that came, went, or changed variables."""
        for key in keys:
            instance = self.world.instances.get(key)
            before = self._sizes.pop(key, 0)
            size = 0 if instance is None else _size(instance)
            if size:
                self._sizes[key] = size
            self._bytes += size - before

    def trim(self) -> None:
        """Forget what is too much. Only between batches: what a batch loaded must stay for it."""
        instances = self.world.instances
        while instances and (len(instances) > self._instances_max or self._bytes > self._bytes_max):
            # By the tenth, because taking the first of a dict one by one is quadratic.
            oldest = list(islice(instances, max(1, len(instances) // 10)))
            for key in oldest:
                self.world.drop(key)
            self.weigh(oldest)


def weight(value: object) -> int:
    """Roughly the memory of a JSON value; depth is bounded by what the log lets through."""
    if isinstance(value, str):
        return 64 + len(value)
    if isinstance(value, dict):
        return 128 + sum(64 + len(name) + weight(each) for name, each in value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list):
        return 64 + sum(map(weight, value))  # pyright: ignore[reportUnknownArgumentType]
    return 32


def _size(instance: Instance) -> int:
    scopes = instance.variables.values()
    return INSTANCE_BYTES + sum(weight(each.value) for scope in scopes for each in scope.values())
