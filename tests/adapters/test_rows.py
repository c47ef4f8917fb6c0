"""What a date means as an instant."""

import pytest

from signoff_broker.postgres.rows import instant


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
