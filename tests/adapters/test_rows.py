"""What goes into rows: dates as instants, and names in lists."""

import pytest

from signoff_broker.postgres import worklist_rows
from signoff_broker.postgres.rows import instant
from signoff_schemas.limits import NAME_MAX
from signoff_schemas.values import TaskProfile
from tests.adapters.entities import a_task


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T01:00:01.5+01:00", 1_500),
        ("1970-01-01T01:00:01+01:00[Europe/Berlin]", 1_000),
        ("1970-01-01T00:00:01", 1_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000),
        ("", None),
        ("soon", None),
    ],
)
def test_a_date_is_an_instant_or_none(text: str, expected: int | None) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("length", [NAME_MAX, NAME_MAX + 1, 10 * NAME_MAX])
def test_lists_name_a_task_by_the_beginning_of_a_long_name(length: int) -> None:
    """A model's names may be longer than what an index holds; the whole is a text to search in."""
    name = "n" * length
    task = a_task(profile=TaskProfile("approve", name))

    assert name[:NAME_MAX] in worklist_rows.insert(task)
    assert max(len(each) for each in worklist_rows.insert(task) if isinstance(each, str)) == 500
    assert name in str(worklist_rows.text_insert(task, {})[-1]).split()
