"""How a handler says "later" and "never": exceptions, because they are no answers.

Exception
 ├─ Retry   the job comes again after a pause
 └─ Fail    no retry would help: an incident, for a person to look at
"""

from datetime import timedelta


class Retry(Exception):
    """Try this job again later; uses up one of its retries, and the last one makes an incident.

    Args:
        reason: Shown with the job and its incident.
        after: The pause; the retry policy's when not given.
    """

    def __init__(self, reason: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Fail(Exception):
    """Do not try this job again: make an incident with this reason."""
