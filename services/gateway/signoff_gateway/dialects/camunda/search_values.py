"""Texts in searches that mean something: instants, and patterns over the names of enumerations."""

from datetime import UTC, datetime, timedelta
from typing import Final

from signoff_gateway.dialects.camunda.dates import canonical_date

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def instant_ms(text: str) -> int | None:
    """Epoch milliseconds of a date-time with offset; None for all else."""
    canonical = canonical_date(text)
    if canonical is None:
        return None
    return (datetime.fromisoformat(canonical) - _EPOCH) // _MILLISECOND


def wildcards_match(pattern: str, text: str) -> bool:
    r"""Whether the whole text matches ``*`` (any text), ``?`` (one character), ``\`` (escapes).

    Takes at most pattern times text steps, as it returns to the last ``*`` only.
    """
    wanted = _parts(pattern)
    at = position = 0
    star: int | None = None
    resume = 0
    while position < len(text):
        if at < len(wanted) and wanted[at] is _ANY_TEXT:
            star, resume, at = at, position, at + 1
        elif at < len(wanted) and wanted[at] in (_ANY_CHARACTER, text[position]):
            at, position = at + 1, position + 1
        elif star is not None:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(part is _ANY_TEXT for part in wanted[at:])


# Longer than any literal part, which is one character.
_ANY_TEXT: Final = "any text"
_ANY_CHARACTER: Final = "any character"
_SPECIAL: Final = {"*": _ANY_TEXT, "?": _ANY_CHARACTER}


def _parts(pattern: str) -> list[str]:
    characters = iter(pattern)
    return [
        next(characters, "\\") if each == "\\" else _SPECIAL.get(each, each) for each in characters
    ]
