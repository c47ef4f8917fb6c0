"""Date-times of requests: RFC 3339 in, one canonical text in UTC with milliseconds on the way."""

import re
from datetime import datetime, timedelta
from typing import Final

_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def canonical_date(text: str) -> str | None:
    """The same instant as ``2031-05-06T07:08:09.000Z``; None if the text is no date-time.

    What is finer than a millisecond is cut off. Seconds may be left out; the offset may not.
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    day, minutes, seconds, fraction, offset = found.groups()
    milliseconds = (fraction or "")[:3].ljust(3, "0")
    plain = f"{day}T{minutes}:{seconds or '00'}.{milliseconds}"
    try:
        local = datetime.fromisoformat(plain)
        if offset in ("Z", "z"):
            return plain + "Z"
        hours, minutes_off = int(offset[1:3]), int(offset[4:6])
        if hours > 18 or minutes_off > 59:
            return None
        ahead = timedelta(hours=hours, minutes=minutes_off)
        instant = local - ahead if offset[0] == "+" else local + ahead
    except (ValueError, OverflowError):
        return None
    return f"{instant.isoformat(timespec='milliseconds')}Z"
