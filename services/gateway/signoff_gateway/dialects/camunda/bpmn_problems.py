"""What is wrong with a model: element by element, in the shape the dialect reports it."""

from collections.abc import Sequence


class ResourceRefused(ValueError):
    """A model cannot be deployed; ``problems`` pairs where (an element id or path) with why."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(report(problems))
        self.problems = list(problems)


class Problems:
    """Collects all problems of one file, so that its author sees them together."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, path: str, reason: str) -> None:
        """Note one problem."""
        self.found.append((path, reason))

    def refuse(self) -> None:
        """Raise ``ResourceRefused`` if there are any."""
        if self.found:
            raise ResourceRefused(self.found)


def report(problems: Sequence[tuple[str, str]]) -> str:
    """Print problems as the dialect does: those of one element under its path."""
    lines: list[str] = []
    last = ""
    for path, reason in problems:
        if not path:
            lines.append(reason)
            continue
        if path != last:
            lines.append(f"- Element: {path}")
        lines.append(f"    - ERROR: {reason}")
        last = path
    return "".join(f"{line}\n" for line in lines)
