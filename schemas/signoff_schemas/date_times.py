"""Date-times as texts with an offset: checked, and printed in their shortest exact form."""

import re
from datetime import date

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)",
    re.ASCII | re.IGNORECASE,
)
_OFFSET_HOURS_MAX = 18


def reprinted(text: str) -> str | None:
    """Print a date-time in its shortest form, or give None if it is none.

    An offset with a colon, or ``Z``, is required. Zero seconds are dropped, fractions have three,
    six or nine digits: ``10:00:00Z`` → ``10:00Z``, ``.000`` → nothing, ``.12`` → ``.120``.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute = match.group(1, 2, 3, 4, 5)
    second, fraction, offset = match[6] or "00", match[7] or "", match[8].upper()
    if not _is_date(int(year), int(month), int(day)) or not _is_offset(offset):
        return None
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    zone = "Z" if offset[1:] == "00:00" else offset
    return f"{year}-{month}-{day}T{hour}:{minute}{_seconds(second, fraction)}{zone}"


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_offset(offset: str) -> bool:
    if offset == "Z":
        return True
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    return minutes < 60 and hours * 60 + minutes <= _OFFSET_HOURS_MAX * 60


def _seconds(second: str, fraction: str) -> str:
    digits = fraction.rstrip("0")
    if not digits:
        return "" if second == "00" else f":{second}"
    return f":{second}.{digits.ljust(-(-len(digits) // 3) * 3, '0')}"
