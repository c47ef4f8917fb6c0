"""Finds the route of a path in a tree of segments: a list of patterns costs ten times that."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from signoff_gateway.exchange import Dialect, Route
from signoff_gateway.refusals import MethodNotAllowed, RouteUnknown


@dataclass(frozen=True, slots=True)
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
    """All routes of all dialects. A literal segment wins over a parameter."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._root = _Node()
        for dialect in dialects:
            for route in dialect.routes:
                self._add(route, dialect)

    def find(self, method: str, path: str) -> tuple[Target, dict[str, str]]:
        """The target and the decoded path parameters. Raises: RouteUnknown, MethodNotAllowed."""
        node = self._root
        values: list[str] = []
        for segment in path.split("/")[1:]:
            child = node.children.get(segment)
            if child is None:
                child = node.parameter
                if child is None or not segment:
                    raise RouteUnknown
                values.append(unquote(segment) if "%" in segment else segment)
            node = child
        target = node.targets.get(method)
        if target is None:
            if not node.targets:
                raise RouteUnknown
            raise MethodNotAllowed(tuple(sorted(node.targets)))
        return target, dict(zip(target.names, values, strict=True))

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
        node.targets[route.method] = Target(route, dialect, tuple(names))
