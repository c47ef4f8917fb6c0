"""Deployments and global listeners: cluster-wide settings as events."""

import pytest

from signoff_schemas.commands import (
    ConfigureGlobalListeners,
    CreateGlobalListener,
    CreateUserTask,
    DeleteGlobalListener,
    Deploy,
    Resource,
    UpdateGlobalListener,
)
from signoff_schemas.graph import EndNode, ProcessGraph, StartNode
from signoff_schemas.principal import ADMIN, ENGINE, Principal
from signoff_schemas.process_events import ResourceDeployed
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.values import GlobalListener, ListenerEvent
from tests.support.engine import (
    Bench,
    a_task_node,
    process_of,
    refusal_of,
    result_of,
    types_of,
)


def a_file(name: str = "p.bpmn", digest: str = "d1", process_id: str = "p") -> Resource:
    graph = process_of(a_task_node(), process_id=process_id)
    return Resource(name=name, digest=digest, processes=(graph,))


def a_form(digest: str = "d1", name: str = "f.form") -> Resource:
    return Resource(name=name, digest=digest, form_id="f", content='{"a": 1}')


def a_note(digest: str = "d1", name: str = "note.txt") -> Resource:
    return Resource(name=name, digest=digest, content="Read me.")


def a_listener(identifier: str = "g", **given: object) -> GlobalListener:
    values = {"job_type": "check", "events": (ListenerEvent.ASSIGNING,), **given}
    return GlobalListener(identifier, **values)  # type: ignore[arg-type]


def test_deployment_gives_keys_and_versions() -> None:
    bench = Bench()

    result = result_of(bench.send(Deploy(resources=(a_file(), a_form()))))

    process, form = result["processes"][0], result["forms"][0]
    assert (process["process_id"], process["version"]) == ("p", 1)
    assert process["resource_name"] == "p.bpmn"
    assert process["definition_key"] in bench.world.settings.definitions
    assert (form["form_id"], form["version"], form["resource_name"]) == ("f", 1, "f.form")
    assert len({result["deployment_key"], process["definition_key"], form["form_key"]}) == 3


def test_same_file_again_is_the_same_version_and_another_the_next() -> None:
    bench = Bench()
    first = result_of(bench.send(Deploy(resources=(a_file(), a_form()))))

    same = bench.send(Deploy(resources=(a_file(), a_form())))
    newer = result_of(bench.send(Deploy(resources=(a_file(digest="d2"), a_form("d2")))))
    back = result_of(bench.send(Deploy(resources=(a_file(), a_form()))))

    assert same.events == ()
    assert result_of(same)["processes"] == first["processes"]
    assert result_of(same)["forms"] == first["forms"]
    assert result_of(same)["deployment_key"] != first["deployment_key"]
    assert (newer["processes"][0]["version"], newer["forms"][0]["version"]) == (2, 2)
    assert (back["processes"][0]["version"], back["forms"][0]["version"]) == (3, 3)


def test_same_content_under_another_name_is_the_next_version() -> None:
    bench = Bench()
    bench.send(Deploy(resources=(a_file(), a_form())))

    renamed = result_of(bench.send(Deploy(resources=(a_file("q.bpmn"),))))
    form = result_of(bench.send(Deploy(resources=(a_form(name="g.form"),))))

    assert (renamed["processes"][0]["version"], form["forms"][0]["version"]) == (2, 2)


def test_one_new_file_makes_a_new_version_of_all_deployed_with_it() -> None:
    bench = Bench()
    others = (a_file("q.bpmn", process_id="q"), a_form())
    bench.send(Deploy(resources=(a_file(), *others)))

    result = result_of(bench.send(Deploy(resources=(a_file(digest="d2"), *others))))

    assert [each["version"] for each in (*result["processes"], *result["forms"])] == [2, 2, 2]


def test_other_files_are_kept_in_versions_of_their_name() -> None:
    bench = Bench()

    made = bench.send(Deploy(resources=(a_note(), a_note(name="other.txt"))))
    same = bench.send(Deploy(resources=(a_note(),)))
    newer = result_of(bench.send(Deploy(resources=(a_note("d2"), a_form()))))
    with_it = result_of(bench.send(Deploy(resources=(a_note("d2"), a_form("d2")))))

    first = result_of(made)["resources"][0]
    [kept, _] = [each for each in made.events if isinstance(each, ResourceDeployed)]
    assert (kept.resource_key, kept.name, kept.content) == (first["key"], "note.txt", "Read me.")
    assert (same.events, result_of(same)["resources"]) == ((), [first])
    assert (first["name"], first["version"]) == ("note.txt", 1)
    assert newer["resources"][0]["version"] == 2
    assert [with_it[each][0]["version"] for each in ("resources", "forms")] == [3, 2]
    assert bench.world.settings.resources["<default>", "note.txt"].version == 3


def test_task_shows_the_latest_form_of_when_it_was_created() -> None:
    bench = Bench()
    first = result_of(bench.send(Deploy(resources=(a_form(),))))["forms"][0]["form_key"]
    task = bench.create(form_id="f")
    bench.send(Deploy(resources=(a_form("d2"),)))

    form = bench.task(task).profile.form
    assert form is not None
    assert form.key == first


def test_task_by_itself_is_refused_if_there_is_no_such_form() -> None:
    bench = Bench()
    bench.send(Deploy(resources=(a_form(),)))

    done = bench.send(CreateUserTask(node=a_task_node(form_id="nope")))

    refusal = refusal_of(done)
    assert (refusal.type, refusal.code) == (RejectionType.NOT_FOUND, Code.FORM_NOT_FOUND)
    assert (refusal.intent, refusal.values) == ("CREATE", {"form_id": "nope"})
    assert (done.events, bench.world.instances) == ((), {})
    bench.create(form_id="nope", form_external="f.html")  # which one shows, and is there


@pytest.mark.parametrize(
    "graph",
    [
        ProcessGraph(process_id="p", start="no", nodes={}),
        ProcessGraph(process_id="p", start="e", nodes={"e": EndNode(id="e")}),
        ProcessGraph(process_id="p", start="s", nodes={"s": StartNode(id="s", next="s")}),
        ProcessGraph(process_id="p", start="s", nodes={"s": StartNode(id="s", next="gone")}),
        ProcessGraph(process_id="p", start="s", nodes={"s": StartNode(id="t", next="e")}),
    ],
)
def test_graph_in_which_a_token_gets_lost_is_refused(graph: ProcessGraph) -> None:
    bench = Bench()

    resource = Resource(name="p", digest="d", processes=(graph,))
    refusal = refusal_of(bench.send(Deploy(resources=(resource,))))

    assert refusal.code is Code.VALUE_UNSTORABLE
    assert refusal.values == {"field": "resources"}


def test_stranger_to_a_tenant_may_not_deploy_for_it() -> None:
    refusal = refusal_of(Bench().send(Deploy(resources=(a_file(),), tenant="other")))

    assert (refusal.type, refusal.code) == (RejectionType.FORBIDDEN, Code.TENANT_FORBIDDEN)


def test_global_listener_lives_from_creation_to_deletion() -> None:
    bench = Bench()

    created = result_of(bench.send(CreateGlobalListener(listener=a_listener())))
    twice = refusal_of(bench.send(CreateGlobalListener(listener=a_listener())))
    updated = result_of(bench.send(UpdateGlobalListener(listener=a_listener(priority=7))))
    deleted = result_of(bench.send(DeleteGlobalListener(id="g")))

    assert created["listener"] == {
        "id": "g",
        "job_type": "check",
        "events": ["assigning"],
        "retries": 3,
        "after_own": False,
        "priority": 50,
        "configured": False,
    }
    assert (twice.type, twice.code) == (RejectionType.ALREADY_EXISTS, Code.LISTENER_EXISTS)
    assert updated["listener"]["priority"] == 7
    assert deleted["listener"]["id"] == "g"
    for body, intent in [
        (UpdateGlobalListener(listener=a_listener()), "UPDATE"),
        (DeleteGlobalListener(id="g"), "DELETE"),
    ]:
        refusal = refusal_of(bench.send(body))
        assert (refusal.code, refusal.intent) == (Code.LISTENER_NOT_FOUND, intent)


def test_configuration_makes_configured_listeners_exactly_these() -> None:
    bench = Bench()
    bench.send(CreateGlobalListener(listener=a_listener("api")))
    bench.send(CreateGlobalListener(listener=a_listener("both", priority=1)))

    def configure(*wanted: GlobalListener) -> list[str]:
        body = ConfigureGlobalListeners(listeners=wanted)
        return types_of(bench.send(body, principal=ENGINE, inbox=None))

    first = configure(a_listener("both", priority=2), a_listener("config"))
    same = configure(a_listener("both", priority=2), a_listener("config"))
    fewer = configure(a_listener("both", priority=2))

    assert (first, same) == (["global_listener.set"] * 2, [])
    assert fewer == ["global_listener.deleted"]
    there = bench.world.settings.global_listeners
    assert {name: each.configured for name, each in there.items()} == {"api": False, "both": True}
    assert there["both"].priority == 2


def test_principal_of_all_tenants_may_deploy_for_each() -> None:
    bench = Bench()
    both = Principal("root", roles=(ADMIN,), tenants=("a", "b"))

    for tenant in ("a", "b"):
        body = Deploy(resources=(a_file(),), tenant=tenant)
        assert result_of(bench.send(body, principal=both))["processes"][0]["version"] == 1
