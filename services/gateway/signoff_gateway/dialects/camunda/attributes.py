"""Attributes of a task in requests: checked in the dialect's order, named in the engine's words."""

from signoff_gateway.dialects.camunda.dates import canonical_date
from signoff_schemas.values import Changes

PRIORITY_MAX = 100


class AttributeReader:
    """Collects what a request says of a task's attributes, and what is wrong with it.

    ``changes`` holds what was really named: None is left out, empty texts and lists clear.
    """

    def __init__(self) -> None:
        self.changes: Changes = {}
        self.problems: list[str] = []

    def text(self, name: str, value: str | None) -> None:
        """A text as it is."""
        if value is not None:
            self.changes[name] = value

    def texts(self, name: str, values: list[str] | None) -> None:
        """A list as it is."""
        if values is not None:
            self.changes[name] = values

    def date(self, name: str, label: str, value: str | None) -> None:
        """A date-time, in its canonical form."""
        if value is None:
            return
        canonical = canonical_date(value) if value else ""
        if canonical is None:
            self.problems.append(
                f"The provided {label} '{value}' cannot be parsed as a date according to RFC 3339, "
                "section 5.6"
            )
        else:
            self.changes[name] = canonical

    def priority(self, value: int | None) -> None:
        """A number from 0 to 100."""
        if value is None:
            return
        if 0 <= value <= PRIORITY_MAX:
            self.changes["priority"] = value
        else:
            self.problems.append(
                f"The value for priority is '{value}' but must be within the "
                f"[0,{PRIORITY_MAX}] range"
            )
