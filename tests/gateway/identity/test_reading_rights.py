"""Whose definitions and forms one may read: orkes.md 2.5 and 4."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from signoff_gateway.dialects.camunda.reading_rights import readable
from signoff_gateway.dialects.orkes.permissions import visible_to
from signoff_gateway.identity.roles import BUILT_IN, principal_grants
from signoff_gateway.reads import Entity, Found, Within
from signoff_gateway.reads.rows import JobRow
from signoff_gateway.reads.work import DefinitionRow
from signoff_schemas.documents import RULES
from signoff_schemas.ids import key_of
from signoff_schemas.principal import Grant, Principal
from tests.support.gateway import Stack
from tests.support.identity import HASH, Documents, as_user, entries, grant, guarded
from tests.support.orkes import document

WORKFLOWS, TASKS = "/api/metadata/workflow", "/api/metadata/taskdefs"
FORMS, SIZES = "/api/human/template", "/api/tasks/queue/sizes"
EVERYTHING = {"loan", "trip"}
RULE: dict[str, object] = {"name": "x"}
FORM: dict[str, object] = {"jsonSchema": {}, "templateUI": {}}
TAG: dict[str, object] = {"form": "loan", "key": "k"}


def deployed(name: str, by: str) -> DefinitionRow:
    content = json.dumps({"name": name, "version": 1, "tasks": []})
    return DefinitionRow(key_of(1, 5), name, 1, f"{name}.json", content, 1, by, "<default>")


def people() -> dict[str, Any]:
    """Everybody is called by what lets him read, or by what does not."""
    roles = {
        "admin": "ADMIN",
        "user": "USER",
        "worker": "WORKER",
        "reader": "USER_READ_ONLY",
        "metadata": "METADATA_MANAGER",
        "manager": "WORKFLOW_MANAGER",
    }
    users: list[dict[str, Any]] = [
        {"id": name, "roles": [role], "password_hash": HASH} for name, role in roles.items()
    ]
    for verb in ("READ", "UPDATE", "DELETE", "EXECUTE"):
        kinds = ("WORKFLOW_DEF", "TASK_DEF", "USER_FORM_TEMPLATE")
        grants = [grant(kind, "loan", verb) for kind in kinds]
        users.append({"id": verb, "grants": grants, "password_hash": HASH})
    users += [{"id": name, "password_hash": HASH} for name in ("maker", "eve")]
    return {"users": users}


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """Two of each kind, of which ``maker`` has made ``trip``."""
    kept = Documents()
    for kind, content in ((RULES, RULE), ("form_template", FORM)):
        for name, by in (("loan", "boss"), ("trip", "maker")):
            row = document(kind, name, 1, content)
            kept.rows[kind, name] = type(row)(kind, name, 1, content, 1, by, 1, by)
    kept.rows["form_template_tag", "t"] = document("form_template_tag", "t", 1, TAG)

    async def definitions(
        name: str | None = None, version: int | None = None, *, tenants: object
    ) -> list[DefinitionRow]:
        del version, tenants
        rows = [deployed("loan", "boss"), deployed("trip", "maker")]
        return [each for each in rows if name in {None, each.process_id}]

    async def nothing_waits(*_: object) -> Found[JobRow]:
        return Found((), 0)

    async with guarded(kept, entries=entries(**people())) as (made, _):
        made.reads.definitions = definitions  # type: ignore[attr-defined]
        made.reads.search = nothing_waits  # type: ignore[attr-defined]
        yield made


async def get(stack: Stack, who: str, path: str) -> Any:
    answer = await stack.client.get(path, auth=as_user(who))
    return answer.json() if answer.status_code == 200 else answer.status_code


READERS = {
    WORKFLOWS: {"reader", "metadata", "manager"},
    TASKS: {"reader", "metadata"},
    FORMS: {"reader", "metadata"},
}


@pytest.mark.parametrize("path", [WORKFLOWS, TASKS, FORMS])
@pytest.mark.parametrize("who", ["user", "worker", "reader", "metadata", "manager", "eve"])
async def test_a_role_reads_all_of_a_kind_or_nothing(stack: Stack, path: str, who: str) -> None:
    may = who in READERS[path]
    one = f"{path}/loan/1" if path == FORMS else f"{path}/loan"

    listed = await get(stack, who, path)
    single = await get(stack, who, one)

    assert {each["name"] for each in listed} == (EVERYTHING if may else set()) or path == TASKS
    assert len(listed) == (2 if may else 0)
    assert (single == 403) is not may


@pytest.mark.parametrize("who", ["READ", "UPDATE", "DELETE", "EXECUTE"])
async def test_whoever_is_granted_something_reads_that(stack: Stack, who: str) -> None:
    for path in (WORKFLOWS, TASKS):
        assert len(await get(stack, who, path)) == 1
        assert isinstance(await get(stack, who, f"{path}/loan"), dict)
        assert await get(stack, who, f"{path}/trip") == 403
    assert [each["name"] for each in await get(stack, who, FORMS)] == ["loan"]
    assert isinstance(await get(stack, who, f"{FORMS}/loan/1"), dict)
    assert await get(stack, who, f"{FORMS}/loan/tags") == [{"key": "k"}]
    assert await get(stack, who, f"{FORMS}/trip/1") == 403
    assert await get(stack, who, f"{FORMS}/trip/tags") == 403
    assert await get(stack, who, f"{FORMS}?name=trip") == 403


async def test_everybody_reads_what_he_has_made(stack: Stack) -> None:
    for path, one in ((WORKFLOWS, "trip"), (TASKS, "trip"), (FORMS, "trip/1")):
        assert len(await get(stack, "maker", path)) == 1
        assert isinstance(await get(stack, "maker", f"{path}/{one}"), dict)
    assert await get(stack, "maker", f"{FORMS}/trip/tags") == []
    assert await get(stack, "maker", f"{WORKFLOWS}/loan") == 403


async def test_an_admin_reads_everything(stack: Stack) -> None:
    assert {each["name"] for each in await get(stack, "admin", WORKFLOWS)} == EVERYTHING
    assert len(await get(stack, "admin", TASKS)) == 2
    assert {each["name"] for each in await get(stack, "admin", FORMS)} == EVERYTHING
    assert await get(stack, "admin", f"{WORKFLOWS}/none") == 404


async def test_what_is_not_there_is_not_refused(stack: Stack) -> None:
    for one in (f"{WORKFLOWS}/none", f"{TASKS}/none", f"{FORMS}/none/1", f"{FORMS}?name=none"):
        assert await get(stack, "eve", one) == 404


@pytest.mark.parametrize(
    ("who", "may"),
    [("eve", False), ("user", False), ("reader", True), ("EXECUTE", True), ("READ", True)],
)
async def test_how_many_tasks_wait_is_told_to_whom_they_concern(
    stack: Stack, who: str, *, may: bool
) -> None:
    told = await get(stack, who, f"{SIZES}?taskType=loan")

    assert told == ({"loan": 0} if may else 403)


async def test_how_many_tasks_wait_is_told_to_who_has_defined_them(stack: Stack) -> None:
    assert await get(stack, "maker", f"{SIZES}?taskType=trip") == {"trip": 0}
    assert await get(stack, "maker", f"{SIZES}?taskType=trip&taskType=loan") == 403
    assert await get(stack, "maker", f"{SIZES}?taskType=none") == 403


KEYS = ("99999999999999999999", "9223372036854775808", "²", "٣", "-1", "", "12")


def test_a_grant_on_what_is_no_key_is_a_grant_on_nothing() -> None:
    """As the database would be asked for it, every search would fail."""
    jane = Principal("jane", grants=tuple(Grant("USER_TASK", key, ("READ",)) for key in KEYS))

    assert readable(jane, Entity.USER_TASKS) == Within((), (12,))
    seen = visible_to(jane, "")
    assert seen is not None
    assert seen.keys == (12,)


@pytest.mark.parametrize(
    ("who", "status"), [("eve", 403), ("READ", 403), ("UPDATE", 403), ("EXECUTE", 204)]
)
async def test_only_workers_of_a_type_poll_for_it(stack: Stack, who: str, status: int) -> None:
    answer = await stack.client.get("/api/tasks/poll/loan", auth=as_user(who))
    many = await stack.client.get("/api/tasks/poll/batch/trip?count=2", auth=as_user(who))

    assert (answer.status_code, many.status_code) == (status, 403)
    if status == 403:
        assert answer.json()["message"] == "You don't have permissions to execute task: loan"


@pytest.mark.parametrize(
    ("who", "there", "new"),
    [
        ("eve", 403, 403),
        ("READ", 403, 403),
        ("metadata", 200, 200),
        ("UPDATE", 200, 403),
        ("admin", 200, 200),
    ],
)
async def test_a_task_definition_is_replaced_by_who_may_update_it(
    stack: Stack, who: str, there: int, new: int
) -> None:
    for name, status in (("loan", there), ("new", new)):
        body = [{"name": name, "retryCount": 1}]
        answer = await stack.client.post(TASKS, json=body, auth=as_user(who))
        assert answer.status_code == status, (name, answer.text)


@pytest.mark.parametrize(
    ("who", "status"), [("UPDATE", 403), ("maker", 403), ("DELETE", 200), ("metadata", 200)]
)
async def test_a_task_definition_is_deleted_by_who_may(stack: Stack, who: str, status: int) -> None:
    answer = await stack.client.delete(f"{TASKS}/loan", auth=as_user(who))

    assert answer.status_code == status, answer.text


def test_who_manages_definitions_sees_no_tasks_of_people() -> None:
    everywhere = principal_grants(BUILT_IN["METADATA_MANAGER"])

    seen = visible_to(Principal("metadata", grants=everywhere), "")

    assert seen is not None
    assert seen.definition_names == ()


async def test_a_form_is_not_looked_at_for_who_may_not_save_it(stack: Stack) -> None:
    body = {**FORM, "name": "loan", "jsonSchema": {"type": "nonsense"}}

    refused = await stack.client.post(FORMS, json=body, auth=as_user("READ"))
    looked_at = await stack.client.post(FORMS, json=body, auth=as_user("UPDATE"))

    assert (refused.status_code, looked_at.status_code) == (403, 400)
