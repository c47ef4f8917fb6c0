"""What is wrong with a literal in a model, in the dialect's words; the empty text if nothing."""

import re

from signoff_schemas.date_times import reprinted

PATH_LENGTH_MAX = 255
PRIORITY_MAX = 100
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?")
_PATH = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*")


def not_a_list(text: str) -> str:
    """Candidates are names with commas between them."""
    if all(item.strip() for item in text.split(",")):
        return ""
    return (
        "Expected static value to be a list of comma-separated values, e.g. 'a,b,c', "
        f"but found '{text}'."
    )


def not_a_date_time(text: str) -> str:
    """Dates have an offset."""
    if reprinted(text) is not None:
        return ""
    return (
        "Expected static value to be a valid DateTime String, e.g. '2023-03-02T15:35+02:00', "
        f"but found '{text}'."
    )


def not_a_priority(text: str) -> str:
    """Priorities are whole numbers from 0 to 100."""
    if not _INTEGER.fullmatch(text):
        return (
            f"Expected static value to be a valid Number between 0 and {PRIORITY_MAX}, "
            f"but found '{text}'."
        )
    if not 0 <= int(text) <= PRIORITY_MAX:
        return f"Priority must be a number between 0 and {PRIORITY_MAX}, but was '{text}'."
    return ""


def not_a_number(text: str) -> str:
    """Retries are numbers."""
    if _NUMBER.fullmatch(text):
        return ""
    return f"Expected static value to be a valid Number, but found '{text}'."


def not_a_path(text: str) -> str:
    """Targets of mappings are names with dots between them."""
    if not text:
        return "Expected path expression but not found."
    if len(text) > PATH_LENGTH_MAX:
        return (
            f"Expected path expression '{text[:50]}…' to have at most {PATH_LENGTH_MAX} characters."
        )
    if _PATH.fullmatch(text):
        return ""
    return f"Expected path expression '{text}' but doesn't match the pattern '{_PATH.pattern}'."
