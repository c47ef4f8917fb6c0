"""What is wrong with a definition, collected, so that its author is told all of it at once."""

from dataclasses import dataclass, field

from signoff_schemas.frozen import frozen


@frozen
class Offence:
    """One mistake: where, what, and the value that was met; None if there was none."""

    path: str
    message: str
    value: object = None


@dataclass(slots=True)
class Offences:
    """All mistakes of one definition, up to a number that somebody may want to read."""

    found: list[Offence] = field(default_factory=list[Offence])
    most: int = 50

    def add(self, path: str, message: str, value: object = None) -> None:
        """Note a mistake."""
        if len(self.found) < self.most:
            self.found.append(Offence(path, message, value))


class DefinitionRefused(ValueError):
    """A definition cannot be taken; ``offences`` say why."""

    def __init__(self, offences: list[Offence]) -> None:
        super().__init__("; ".join(each.message for each in offences))
        self.offences = offences
