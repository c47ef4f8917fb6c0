"""Finds the route of a path in a tree of segments: a list of patterns costs ten times that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from signoff_gateway.exchange import Dialect, Route
from signoff_gateway.refusals import MethodNotAllowed, RouteUnknown
from signoff_schemas.frozen import frozen


@frozen
class Target:
    """A route, whose it is, and the names of its path parameters in order."""

    route: Route
    dialect: Dialect
    names: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    parameter: "_Node | None" = None
    targets: dict[str, Target] = field(default_factory=dict[str, Target])
    """By method."""


class Router:
    """All routes of all dialects.

    A literal segment wins over a parameter if the rest of the path and the method fit as well;
    if they do not, it is a name like any other. What answers GET answers HEAD.
    """

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._root = _Node()
        for dialect in dialects:
            for route in dialect.routes:
                self._add(route, dialect)

    def find(self, method: str, path: str) -> tuple[Target, dict[str, str]]:
        """The target and the decoded path parameters. Raises: RouteUnknown, MethodNotAllowed."""
        allowed: set[str] = set()
        for node, values in self._ends(path.split("/")[1:]):
            target = node.targets.get(method)
            if target is not None:
                decoded = (unquote(each) if "%" in each else each for each in values)
                return target, dict(zip(target.names, decoded, strict=True))
            allowed |= node.targets.keys()
        if allowed:
            raise MethodNotAllowed(tuple(sorted(allowed)))
        raise RouteUnknown

    def _ends(self, segments: Sequence[str]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        """Where the path may end, the most literal way first, and its parameters."""
        others: list[tuple[_Node, int, tuple[str, ...]]] = [(self._root, 0, ())]
        while others:
            node, begin, values = others.pop()
            for at in range(begin, len(segments)):
                segment = segments[at]
                literal = node.children.get(segment)
                parameter = node.parameter if segment else None
                if literal is None:
                    if parameter is None:
                        break
                    node, values = parameter, (*values, segment)
                else:
                    if parameter is not None:
                        others.append((parameter, at + 1, (*values, segment)))
                    node = literal
            else:
                yield node, values

    def _add(self, route: Route, dialect: Dialect) -> None:
        node = self._root
        names: list[str] = []
        for segment in route.template.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        assert route.method not in node.targets, f"two routes for {route.method} {route.template}"
        node.targets[route.method] = target = Target(route, dialect, tuple(names))
        if route.method == "GET":
            node.targets["HEAD"] = target
