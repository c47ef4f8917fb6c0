"""Deployed files that are neither processes nor forms: shown, and given back."""

import pytest

from signoff_gateway.dialects.camunda.answers import Forbidden
from signoff_gateway.dialects.camunda.reading_rights import ReadingRights
from signoff_gateway.reads.rows import ResourceRow
from signoff_schemas.principal import ADMIN, ANY, Grant, Principal
from tests.support.gateway import Stack, problems


def keep(stack: Stack, row: ResourceRow | None) -> None:
    async def resource(key: int, tenants: object) -> ResourceRow | None:
        return row

    stack.reads.resource = resource  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", ['{"a":  "ü"}', "Read me: ü", "[1]"])
async def test_kept_files_are_given_back_as_they_came(stack: Stack, content: str) -> None:
    keep(stack, ResourceRow(13, "note.txt", 4, "<default>", content))

    shown = await stack.client.get("/v2/resources/13")
    whole = await stack.client.get("/v2/resources/13/content/binary")
    as_json = await stack.client.get("/v2/resources/13/content")

    assert (shown.json()["resourceName"], shown.json()["version"]) == ("note.txt", 4)
    assert (whole.status_code, whole.text) == (200, content)
    assert whole.headers["content-type"] == "application/octet-stream"
    if content.startswith("{"):
        assert (as_json.status_code, as_json.text) == (200, content)
        assert as_json.headers["content-type"] == "application/json"
    else:
        assert problems([as_json]) == [(406, "Not Acceptable")]


@pytest.mark.parametrize("path", ["13", "13/content", "13/content/binary"])
async def test_a_file_that_is_not_there_is_named(stack: Stack, path: str) -> None:
    keep(stack, None)

    answer = await stack.client.get(f"/v2/resources/{path}")

    assert problems([answer]) == [(404, "NOT_FOUND")]
    assert answer.json()["detail"] == "Resource with key '13' not found"


@pytest.mark.parametrize(
    ("caller", "may"),
    [
        (Principal("root", roles=(ADMIN,)), True),
        (Principal("jane"), False),
        (Principal("jane", grants=(Grant("RESOURCE", "note.txt", ("READ",)),)), True),
        (Principal("jane", grants=(Grant("RESOURCE", ANY, ("READ", "CREATE")),)), True),
        (Principal("jane", grants=(Grant("RESOURCE", "other.txt", ("READ",)),)), False),
        (Principal("jane", grants=(Grant("RESOURCE", "note.txt", ("CREATE",)),)), False),
    ],
)
async def test_who_may_read_a_file(stack: Stack, caller: Principal, *, may: bool) -> None:
    row = ResourceRow(13, "note.txt", 1, "<default>", "x")
    rights = ReadingRights(stack.reads)  # type: ignore[arg-type]

    if may:
        await rights.must_read(caller, row)
        return
    with pytest.raises(Forbidden, match="operations: 'READ' on 'RESOURCE'"):
        await rights.must_read(caller, row)
