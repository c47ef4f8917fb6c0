"""Documents and definitions that name their own versions: saved, replaced, removed."""

from typing import Any

import pytest

from signoff_schemas.commands import CompleteTask, DeleteDefinition, StartProcess
from signoff_schemas.documents import RULES, DeleteDocument, DocumentSet, PutDocument
from signoff_schemas.principal import Principal
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.work import TaskRule
from tests.support.engine import Bench, refusal_of, result_of
from tests.support.frames import deploy, framed, human, process, stop


def put(bench: Bench, **given: Any) -> Any:
    return bench.send(PutDocument.model_validate({"kind": "form", "id": "f", **given}))


@pytest.mark.parametrize(
    ("before", "given", "version", "created"),
    [
        ((), {}, 1, True),
        ((), {"new_version": True}, 1, True),
        ((), {"version": 7}, 7, True),
        ((1, 2), {}, 2, False),
        ((1, 2), {"new_version": True}, 3, True),
        ((1, 2), {"version": 1, "new_version": True}, 1, False),
        ((5, 2), {"version": 3}, 3, True),
        ((2, 5), {"new_version": True}, 6, True),
    ],
)
def test_version_that_is_saved(
    before: tuple[int, ...], given: dict[str, Any], version: int, *, created: bool
) -> None:
    bench = Bench()
    for each in before:
        put(bench, version=each)

    assert result_of(put(bench, **given)) == {"version": version, "created": created}
    assert list(bench.world.settings.documents["form", "f"]) == sorted({*before, version})


def test_content_is_kept_as_it_is_with_who_saved_it() -> None:
    bench = Bench()
    done = put(bench, content={"a": [1, None]})
    (event,) = done.events
    assert isinstance(event, DocumentSet)
    assert (event.content, event.by, event.at) == ({"a": [1, None]}, "demo", bench.now)


def test_document_that_must_be_new() -> None:
    bench = Bench()
    assert result_of(put(bench, must_be_new=True))["created"]
    refusal = refusal_of(put(bench, must_be_new=True))
    assert (refusal.type, refusal.code) == (RejectionType.ALREADY_EXISTS, Code.DOCUMENT_EXISTS)
    assert refusal.values == {"kind": "form", "id": "f", "version": "1"}
    assert result_of(put(bench, must_be_new=True, new_version=True))["version"] == 2


def test_document_that_must_be_as_it_was_read() -> None:
    bench = Bench()

    def saved_at(**given: Any) -> int:
        (event,) = put(bench, **given).events
        assert isinstance(event, DocumentSet)
        return event.at

    first = saved_at(unchanged_since=0)
    second = saved_at(unchanged_since=first)
    assert second > first  # though the clock stands still
    for stale in (0, first):
        refusal = refusal_of(put(bench, unchanged_since=stale))
        assert (refusal.type, refusal.code) == (RejectionType.INVALID_STATE, Code.DOCUMENT_CHANGED)
        assert refusal.values == {"kind": "form", "id": "f"}
    delete = DeleteDocument(kind="form", id="f", unchanged_since=first)
    assert refusal_of(bench.send(delete)).code is Code.DOCUMENT_CHANGED
    delete = DeleteDocument(kind="form", id="f", unchanged_since=second)
    assert result_of(bench.send(delete)) == {"versions": [1]}
    assert refusal_of(put(bench, unchanged_since=second)).code is Code.DOCUMENT_CHANGED
    assert refusal_of(bench.send(delete)).code is Code.DOCUMENT_NOT_FOUND


def test_change_made_of_something_older_may_be_made_anew_under_its_id() -> None:
    bench = Bench()
    put(bench)
    (saved_at,) = bench.world.settings.documents["form", "f"].values()
    stale = PutDocument(kind="form", id="f", unchanged_since=saved_at - 1)
    entry = bench.entry(stale)

    refused = bench.submit(entry)
    anew = stale.model_copy(update={"unchanged_since": saved_at, "content": {"a": 1}})
    made = bench.submit(entry.model_copy(update={"body": anew}))
    again = bench.submit(entry)

    assert refusal_of(refused).code is Code.DOCUMENT_CHANGED
    assert (refused.recorded, refused.outcome) == (False, None)
    assert result_of(made) == {"version": 1, "created": False}
    assert (again.events, again.recorded) == ((), False)


def test_one_version_is_removed_or_all() -> None:
    bench = Bench()
    for version in (1, 2, 3):
        put(bench, version=version)
    put(bench, kind="other")

    delete = DeleteDocument(kind="form", id="f", version=2)
    assert result_of(bench.send(delete)) == {"versions": [2]}
    assert list(bench.world.settings.documents["form", "f"]) == [1, 3]
    assert refusal_of(bench.send(delete)).code is Code.DOCUMENT_NOT_FOUND
    delete = DeleteDocument(kind="form", id="f")
    assert result_of(bench.send(delete)) == {"versions": [1, 3]}
    assert list(bench.world.settings.documents) == [("other", "f")]
    assert refusal_of(bench.send(delete)).values == {"kind": "form", "id": "f"}


def test_rule_goes_with_its_document_only() -> None:
    bench = Bench()
    rule = TaskRule(retries=7)
    put(bench, kind=RULES, id="r", rule=rule)
    put(bench, kind="form", id="r")
    assert bench.world.settings.rules == {"r": rule}

    bench.send(DeleteDocument(kind="form", id="r"))
    assert bench.world.settings.rules == {"r": rule}
    bench.send(DeleteDocument(kind=RULES, id="r"))
    assert bench.world.settings.rules == {}
    assert bench.world.settings.rule_owners == {}


def test_rule_belongs_to_who_saved_it_first() -> None:
    bench = Bench()
    put(bench, kind=RULES, id="r", rule=TaskRule(retries=1))
    body = PutDocument(kind=RULES, id="r", rule=TaskRule(retries=2))
    bench.send(body, principal=Principal("somebody"))
    assert bench.world.settings.rules["r"].retries == 2
    assert bench.world.settings.rule_owners == {"r": "demo"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": RULES}, "rule"),
        ({"kind": RULES, "rule": TaskRule(), "version": 2}, "version"),
        ({"kind": RULES, "rule": TaskRule(), "new_version": True}, "version"),
        ({"rule": TaskRule()}, "rule"),
        ({"kind": RULES, "rule": TaskRule(retries=-1)}, "rule"),
        ({"kind": ""}, "kind"),
        ({"id": ""}, "id"),
        ({"id": "a\0"}, "id"),
        ({"version": 0}, "version"),
        ({"content": {"a": "\0"}}, "content"),
    ],
)
def test_document_that_cannot_be_kept_is_refused(given: dict[str, Any], field: str) -> None:
    refusal = refusal_of(put(Bench(), **given))
    assert (refusal.code, refusal.values) == (Code.VALUE_UNSTORABLE, {"field": field})


def started(bench: Bench, version: int = -1) -> int:
    command = StartProcess(process_id="f", version=version)
    key: int = result_of(bench.send(command))["process_instance_key"]
    return key


def test_definition_that_names_its_version_is_not_replaced_by_chance() -> None:
    bench = Bench()
    result_of(deploy(bench, framed(human("one"), version=4)))
    refusal = refusal_of(deploy(bench, framed(human("two"), version=4)))
    assert (refusal.type, refusal.code) == (RejectionType.ALREADY_EXISTS, Code.DEFINITION_EXISTS)
    assert refusal.values == {"process_id": "f", "version": "4"}
    result_of(deploy(bench, framed(human("two"), version=5)))


def test_replaced_definition_is_for_new_instances() -> None:
    bench = Bench()
    result_of(deploy(bench, framed(human("one", "next"), human("next"), version=1)))
    old = started(bench)
    result_of(deploy(bench, framed(human("two"), version=1), overwrite=True))
    assert bench.instance(started(bench, 1)).process.node_id == "two"

    bench.send(CompleteTask(task_key=bench.task(old).key))
    assert bench.instance(old).process.node_id == "next"


def test_latest_is_the_highest_version_whenever_it_came() -> None:
    bench = Bench()
    for version in (3, 7, 5):
        result_of(deploy(bench, framed(human(f"v{version}"), version=version)))
    assert bench.instance(started(bench)).process.node_id == "v7"
    assert bench.instance(started(bench, 5)).process.node_id == "v5"


def test_nothing_starts_by_a_deleted_definition_but_what_runs_goes_on() -> None:
    bench = Bench()
    for version in (1, 2):
        graph = framed(human("one", "after"), stop("after", "COMPLETED"), version=version)
        result_of(deploy(bench, graph))
    running = started(bench, 2)
    bench.send(DeleteDefinition(process_id="f", version=2))

    assert refusal_of(bench.send(StartProcess(process_id="f", version=2))).code is (
        Code.DEFINITION_NOT_FOUND
    )
    assert bench.instance(started(bench)).process.process.version == 1
    bench.send(CompleteTask(task_key=bench.task(running).key))
    assert process(bench, running).ended_at is not None
    again = DeleteDefinition(process_id="f", version=2)
    assert refusal_of(bench.send(again)).type is RejectionType.NOT_FOUND
    bench.send(DeleteDefinition(process_id="f", version=1))
    assert refusal_of(bench.send(StartProcess(process_id="f"))).code is Code.DEFINITION_NOT_FOUND
    result_of(deploy(bench, framed(human("new"), version=1)))
    assert bench.instance(started(bench)).process.node_id == "new"


def test_all_that_replaced_one_another_are_deleted_together() -> None:
    bench = Bench()
    for name in ("one", "two"):
        result_of(deploy(bench, framed(human(name), version=1), overwrite=True))
    bench.send(DeleteDefinition(process_id="f", version=1))
    assert refusal_of(bench.send(StartProcess(process_id="f"))).code is Code.DEFINITION_NOT_FOUND


def test_definition_is_its_deployers() -> None:
    bench = Bench()
    deploy(bench, framed(human("one")))
    assert [each.deployed_by for each in bench.world.settings.definitions.values()] == ["demo"]
