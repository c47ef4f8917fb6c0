"""User forms: saving, reading and deleting versions and tags."""

from typing import Any

import pytest

from signoff_schemas.documents import DeleteDocument, PutDocument
from signoff_schemas.envelope import Entry
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome, OutcomeStatus
from tests.support.gateway import APPLIED, Stack, rejected
from tests.support.orkes import TASK_ID, WorkReads, definition, document, task

FORMS = "/api/human/template"
CONTENT: dict[str, object] = {
    "jsonSchema": {"$schema": "http://json-schema.org/draft-07/schema", "type": "object"},
    "templateUI": {"type": "VerticalLayout", "elements": [{"x": None}]},
}
BUSY = rejected(RejectionType.RESOURCE_EXHAUSTED, Code.TOO_MANY_WAITERS, id="c1-x")
FORM = {"name": "loan form", **CONTENT}


def kept(version: int, name: str = "loan form") -> Any:
    return document("form_template", name, version, CONTENT)


def tag(key: str, name: str = "loan form") -> Any:
    content: dict[str, object] = {"form": name, "key": key, "value": "x"}
    return document("form_template_tag", f'["{name}","{key}"]', 1, content)


@pytest.fixture
def saving(stack: Stack, work: WorkReads) -> Stack:
    """A broker that keeps what it is told to, and once only what comes again."""
    known: dict[str, Outcome] = {}

    def keep(entry: Entry) -> Outcome:
        if entry.id not in known:
            known[entry.id] = decide(entry)
        return known[entry.id]

    def decide(entry: Entry) -> Outcome:
        body = entry.body
        if isinstance(body, DeleteDocument):
            versions = {None, body.version}
            work.kept[:] = [
                each
                for each in work.kept
                if (each.kind, each.id) != (body.kind, body.id)
                or (body.version is not None and each.version not in versions)
            ]
        if not isinstance(body, PutDocument):
            return APPLIED
        version = body.version or 1
        work.kept.append(document(body.kind, body.id, version, body.content))
        result: dict[str, object] = {"version": version, "created": True}
        return Outcome(status=OutcomeStatus.APPLIED, result=result)

    stack.broker.answer = keep
    return stack


@pytest.mark.parametrize(
    ("query", "version", "asked"),
    [
        ("", None, (None, False)),
        ("?newVersion=true", None, (None, True)),
        ("?newVersion=true", 3, (3, False)),
        ("", 0, (None, False)),
    ],
)
async def test_save(
    saving: Stack, query: str, version: int | None, asked: tuple[int | None, bool]
) -> None:
    body = FORM if version is None else {**FORM, "version": version}
    answer = await saving.client.post(f"{FORMS}{query}", json={**body, "createTime": 1})
    assert answer.json() == {
        **FORM,
        "version": asked[0] or 1,
        "createTime": 100,
        "updateTime": 200,
        "createdBy": "USER:boss",
        "updatedBy": "USER:jane",
    }
    [command] = saving.broker.bodies(PutDocument)
    assert (command.kind, command.id, command.content) == ("form_template", "loan form", CONTENT)
    assert (command.version, command.new_version) == asked


async def test_save_many_with_tags(saving: Stack) -> None:
    forms = [{**FORM, "name": each, "tags": [{"key": "k", "value": each}]} for each in "ab"]
    headers = {"Idempotency-Key": "once"}
    answer = await saving.client.post(f"{FORMS}/bulk", json=forms, headers=headers)
    assert [(each["name"], each["tags"]) for each in answer.json()] == [
        ("a", [{"key": "k", "value": "a"}]),
        ("b", [{"key": "k", "value": "b"}]),
    ]
    assert len({each.id for each in saving.broker.commands}) == 4


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({**CONTENT}, "name"),
        ({**FORM, "name": ""}, "name"),
        ({**FORM, "name": "x" * 300}, "name"),
        ({**FORM, "version": -1}, "version"),
        ({**FORM, "version": "1"}, "version"),
        ({"name": "a", "templateUI": {}}, "jsonSchema"),
        ({"name": "a", "jsonSchema": {}}, "templateUI"),
        ({**FORM, "jsonSchema": {"type": "thing"}}, "jsonSchema"),
        ({**FORM, "jsonSchema": {"$ref": "http://elsewhere"}}, "jsonSchema"),
        ({**FORM, "tags": [{"value": "x"}]}, "tags.0.key"),
    ],
)
async def test_a_form_that_is_none(saving: Stack, body: object, told: str) -> None:
    answers = [await saving.client.post(FORMS, json=body)]
    answers.append(await saving.client.post(f"{FORMS}/bulk", json=[FORM, body]))
    for answer in answers:
        assert answer.status_code == 400
        assert told in answer.json()["validationErrors"][0]["path"]
    assert saving.broker.commands == []


async def test_list(stack: Stack, work: WorkReads) -> None:
    work.kept += [kept(1), kept(2), kept(1, "other"), tag("k")]

    async def listed(query: str) -> list[tuple[str, int]]:
        answer = await stack.client.get(f"{FORMS}{query}")
        return [(each["name"], each["version"]) for each in answer.json()]

    assert await listed("") == [("loan form", 2), ("loan form", 1), ("other", 1)]
    assert await listed("?name=loan%20form") == [("loan form", 2), ("loan form", 1)]
    assert await listed("?name=loan%20form&version=1") == [("loan form", 1)]
    answer = await stack.client.get(f"{FORMS}?name=loan%20form&version=2")
    assert answer.json()[0]["tags"] == [{"key": "k", "value": "x"}]
    statuses = [
        (await stack.client.get(f"{FORMS}?{query}")).status_code
        for query in ("name=gone", "name=other&version=2", "version=x")
    ]
    assert statuses == [404, 404, 400]


async def test_nothing_is_listed(stack: Stack, work: WorkReads) -> None:
    assert (await stack.client.get(FORMS)).json() == []


async def test_get_one(stack: Stack, work: WorkReads) -> None:
    work.kept += [kept(1, "a/b"), kept(2, "a/b")]
    versions = {}
    for version in ("0", "1", "2", "3", "-1", "x"):
        answer = await stack.client.get(f"{FORMS}/a%2Fb/{version}")
        versions[version] = answer.json().get("version", answer.status_code)
    assert versions == {"0": 2, "1": 1, "2": 2, "3": 404, "-1": 404, "x": 400}


async def test_the_form_of_a_task(stack: Stack, work: WorkReads) -> None:
    work.kept.append(kept(1))
    path = f"{FORMS}/{TASK_ID}"
    assert (await stack.client.get(path)).status_code == 400
    work.put(task())
    assert (await stack.client.get(path)).status_code == 404
    work.put(task(raw=definition(userFormTemplate={"name": "loan form", "version": 1})))
    assert (await stack.client.get(path)).json()["version"] == 1


@pytest.mark.parametrize(("path", "version"), [("loan%20form", None), ("loan%20form/2", 2)])
async def test_delete(saving: Stack, work: WorkReads, path: str, version: int | None) -> None:
    work.kept += [kept(1), kept(2), tag("k")]
    answer = await saving.client.delete(f"{FORMS}/{path}")
    assert (answer.status_code, answer.content) == (200, b"")
    form, *tags = saving.broker.bodies(DeleteDocument)
    assert form == DeleteDocument(kind="form_template", id="loan form", version=version)
    assert [each.kind for each in tags] == ([] if version else ["form_template_tag"])


@pytest.mark.parametrize(
    ("path", "body"),
    [("loan%20form", {}), ("loan%20form/tags", {"json": [{"key": "a"}, {"key": "b"}]})],
)
async def test_a_repeated_request_removes_the_tags_that_were_left(
    saving: Stack, work: WorkReads, path: str, body: dict[str, Any]
) -> None:
    """Under its idempotency key: of two tags one was removed, and for the other was no room."""
    work.kept += [kept(1), tag("a"), tag("b")]
    keep, failures = saving.broker.answer, iter([BUSY])

    def answer(entry: Entry) -> Outcome | str | None:
        if isinstance(entry.body, DeleteDocument) and entry.body.id == '["loan form","b"]':
            return next(failures, None) or keep(entry)
        return keep(entry)

    saving.broker.answer = answer
    headers = {"Idempotency-Key": "once"}
    request = saving.client.build_request("DELETE", f"{FORMS}/{path}", headers=headers, **body)
    first, second = await saving.client.send(request), await saving.client.send(request)
    assert (first.status_code, second.status_code) == (504, 200)
    assert [each for each in work.kept if each.kind == "form_template_tag"] == []


async def test_tags_of_a_form_that_was_made_anew_stay_when_its_deletion_comes_again(
    saving: Stack, work: WorkReads
) -> None:
    headers = {"Idempotency-Key": "once"}
    for there in ([kept(1)], [kept(1), tag("new")]):
        work.kept[:] = there
        answer = await saving.client.delete(f"{FORMS}/loan%20form", headers=headers)
        assert answer.status_code == 200
    answer = await saving.client.get(f"{FORMS}/loan%20form/tags")
    assert [each["key"] for each in answer.json()] == ["new"]


@pytest.mark.parametrize("path", ["gone", "gone/1"])
async def test_deleting_what_is_not_there(stack: Stack, work: WorkReads, path: str) -> None:
    stack.broker.answer = lambda _: rejected(
        RejectionType.NOT_FOUND, Code.DOCUMENT_NOT_FOUND, kind="form_template", id="gone"
    )
    answer = await stack.client.delete(f"{FORMS}/{path}")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert answer.json()["message"] == "No such user form found by name: gone"


async def test_tags(saving: Stack, work: WorkReads) -> None:
    tags = f"{FORMS}/loan%20form/tags"
    new = [{"key": "team", "value": "a"}, {"key": "area", "type": "x"}, {"key": "team"}]
    assert (await saving.client.put(tags, json=new)).status_code == 404
    work.kept.append(kept(1))
    answer = await saving.client.put(tags, json=new)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await saving.client.get(tags)).json() == [{"key": "area"}, {"key": "team"}]
    answer = await saving.client.request("DELETE", tags, json=[{"key": "team"}, {"key": "gone"}])
    assert (answer.status_code, answer.content) == (200, b"")
    [removed] = saving.broker.bodies(DeleteDocument)
    assert removed.id == '["loan form","team"]'
    assert (await saving.client.get(f"{FORMS}/other/tags")).json() == []
