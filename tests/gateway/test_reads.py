"""Looking up single things, commands and the cluster: what was committed is what is read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from camunda_orchestration_sdk import models

from signoff_broker.postgres.migrate import migrate
from signoff_gateway.dialects.camunda.results import (
    form_result,
    global_listener_result,
    incident_result,
    job_result,
    process_instance_result,
    resource_result,
    user_task_result,
    variable_result,
)
from signoff_gateway.reads import CommandState, ReadsExhausted, ReadsUnavailable, ReadTimedOut
from signoff_gateway.reads.postgres import PostgresReads
from signoff_schemas.ids import key_of
from signoff_schemas.process_events import FormDeployed, GlobalListenerSet, ResourceDeployed
from signoff_schemas.rejections import Code
from signoff_schemas.values import (
    Attributes,
    FormReference,
    GlobalListener,
    JobMark,
    JobState,
    ListenerEvent,
    TaskProfile,
    TaskState,
)
from tests.adapters.entities import (
    APPLIED,
    NOW,
    WITHDRAWN,
    a_job,
    a_step,
    a_task,
    a_transition,
    a_variable,
    an_incident,
    an_instance,
    batch_of,
    k,
)
from tests.conftest import FreshDatabase
from tests.support.reads import Written, written

pytestmark = pytest.mark.postgres
AT_NOW = "2026-09-21T14:13:20.000Z"
UNKNOWN_KEYS = (0, -1, k(999), key_of(77, 1), (1 << 63) - 1, 1 << 63, -(1 << 70))


@pytest.fixture
async def rows(fresh_database: FreshDatabase) -> AsyncIterator[Written]:
    async with written(await fresh_database(migrate)) as rows:
        yield rows


async def test_a_task_is_read_with_every_field(rows: Written) -> None:
    task = a_task(completed_at=NOW + 1, state=TaskState.COMPLETED)
    await rows.commit(batch_of(replace(an_instance(), task=task)))

    row = await rows.reads.user_task(k(3), None)

    assert row is not None
    result = user_task_result(row)
    assert result == {
        "userTaskKey": str(k(3)),
        "state": "COMPLETED",
        "name": "Approve",
        "elementId": "approve",
        "elementInstanceKey": str(k(2)),
        "assignee": "ann",
        "candidateGroups": ["sales", 'we"ird\\,{}', "NULL", ""],
        "candidateUsers": ["bob"],
        "priority": 70,
        "processDefinitionId": "stand-alone-task",
        "processDefinitionKey": str(k(0)),
        "processDefinitionVersion": 1,
        "processName": None,
        "processInstanceKey": str(k(1)),
        "rootProcessInstanceKey": str(k(1)),
        "tenantId": "<default>",
        "creationDate": AT_NOW,
        "completionDate": "2026-09-21T14:13:20.001Z",
        "dueDate": "2026-12-01T09:00:00.000Z",
        "followUpDate": "2026-11-30T10:00:00.000Z",
        "formKey": str(k(900)),
        "externalFormReference": None,
        "customHeaders": {"zz": "1", "a": "2"},
        "tags": ["a", "b"],
        "businessId": "order-7",
    }
    assert models.UserTaskResult.from_dict(result).to_dict()["userTaskKey"] == str(k(3))


async def test_what_is_empty_reads_as_null(rows: Written) -> None:
    task = a_task(
        profile=TaskProfile("approve", form=FormReference(external="tool/7")),
        attributes=Attributes(),
        tags=(),
        business_id="",
    )
    await rows.commit(batch_of(replace(an_instance(), task=task)))

    row = await rows.reads.user_task(k(3), None)

    assert row is not None
    result = user_task_result(row)
    nulls = {name for name, value in result.items() if value is None}
    assert nulls == {
        "name", "assignee", "processName", "completionDate", "dueDate", "followUpDate",
        "formKey", "businessId",
    }  # fmt: skip
    assert result["externalFormReference"] == "tool/7"
    assert result["candidateGroups"] == result["candidateUsers"] == result["tags"] == []
    assert result["customHeaders"] == {}
    models.UserTaskResult.from_dict(result)


async def test_an_open_transition_shows_the_attributes_in_effect(rows: Written) -> None:
    task = a_task(state=TaskState.CLAIMING, transition=a_transition())
    await rows.commit(batch_of(replace(an_instance(), task=task)))

    row = await rows.reads.user_task(k(3), None)

    assert row is not None
    assert user_task_result(row)["state"] == "ASSIGNING"
    assert user_task_result(row)["assignee"] == "ann"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2031-05-06T07:08:09.123Z", "2031-05-06T07:08:09.123Z"),
        ("2031-05-06T07:08:09.123456+00:00", "2031-05-06T07:08:09.123Z"),
        ("2031-05-06T07:08+02:00", "2031-05-06T05:08:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("no date at all", None),
    ],
)
async def test_dates_are_shown_in_utc_with_milliseconds(
    rows: Written, sent: str, shown: str | None
) -> None:
    task = a_task(attributes=Attributes(due_date=sent))
    await rows.commit(batch_of(replace(an_instance(), task=task)))

    row = await rows.reads.user_task(k(3), None)

    assert row is not None
    assert user_task_result(row)["dueDate"] == shown


async def test_a_job_is_read_as_job_search_shows_it(rows: Written) -> None:
    job = a_job(
        state=JobState.ACTIVATED,
        mark=JobMark.FAILED,
        retries=2,
        due_at=NOW + 5,
        worker="w",
        error_message="tried",
    )
    await rows.commit(batch_of(replace(an_instance(), job=job)))

    row = await rows.reads.job(k(4), None)

    assert row is not None
    result = job_result(row)
    assert result["customHeaders"] == {
        "h": "1",
        "io.camunda.zeebe:action": "update",
        "io.camunda.zeebe:changedAttributes": '["priority"]',
        "io.camunda.zeebe:dueDate": "x",
        "io.camunda.zeebe:formKey": str(k(9)),
        "io.camunda.zeebe:priority": "50",
        "io.camunda.zeebe:userTaskKey": str(k(3)),
    }
    assert {name: result[name] for name in result if name != "customHeaders"} == {
        "jobKey": str(k(4)),
        "type": "check",
        "kind": "TASK_LISTENER",
        "listenerEventType": "UPDATING",
        "state": "FAILED",
        "retries": 2,
        "worker": "w",
        "deadline": "2026-09-21T14:13:20.005Z",
        "isDenied": None,
        "deniedReason": None,
        "errorCode": None,
        "errorMessage": "tried",
        "hasFailedWithRetriesLeft": True,
        "elementId": "approve",
        "elementInstanceKey": str(k(2)),
        "processDefinitionId": "stand-alone-task",
        "processDefinitionKey": str(k(0)),
        "processInstanceKey": str(k(1)),
        "rootProcessInstanceKey": str(k(1)),
        "tenantId": "<default>",
        "creationTime": AT_NOW,
        "endTime": None,
        "lastUpdateTime": AT_NOW,
        "businessId": None,
        "tags": [],
        "priority": 0,
    }
    models.JobSearchResult.from_dict(result)


async def test_an_answered_listener_job_says_whether_it_denied(rows: Written) -> None:
    job = a_job(
        state=JobState.COMPLETED,
        mark=JobMark.COMPLETED,
        denied=True,
        denied_reason="no",
        ended_at=NOW,
        due_at=NOW,
    )
    await rows.commit(batch_of(replace(an_instance(), job=job)))

    row = await rows.reads.job(k(4), None)

    assert row is not None
    assert (row.denied, row.denied_reason, row.deadline, row.ended_at) == (True, "no", None, NOW)


async def test_an_incident_is_read_with_every_field(rows: Written) -> None:
    await rows.commit(batch_of(an_instance()))

    row = await rows.reads.incident(k(5), None)

    assert row is not None
    result = incident_result(row)
    assert result == {
        "incidentKey": str(k(5)),
        "errorType": "TASK_LISTENER_NO_RETRIES",
        "errorMessage": "no more",
        "state": "ACTIVE",
        "creationTime": AT_NOW,
        "elementId": "approve",
        "elementInstanceKey": str(k(2)),
        "jobKey": str(k(4)),
        "processDefinitionId": "stand-alone-task",
        "processDefinitionKey": str(k(0)),
        "processInstanceKey": str(k(1)),
        "rootProcessInstanceKey": str(k(1)),
        "tenantId": "<default>",
    }
    models.IncidentResult.from_dict(result)


async def test_a_variable_and_an_instance_are_read(rows: Written) -> None:
    await rows.commit(batch_of(an_instance()))

    variable = await rows.reads.variable(k(6), None)
    instance = await rows.reads.process_instance(k(1), None)

    assert variable is not None
    assert instance is not None
    assert variable_result(variable) == {
        "variableKey": str(k(6)),
        "name": "amount",
        "value": '{"z":1,"a":[1.0,null,"ü"]}',
        "scopeKey": str(k(1)),
        "processInstanceKey": str(k(1)),
        "rootProcessInstanceKey": str(k(1)),
        "tenantId": "<default>",
    }
    models.VariableResult.from_dict(variable_result(variable))
    shown = process_instance_result(instance)
    assert (shown["hasIncident"], shown["state"], shown["startDate"]) == (True, "ACTIVE", AT_NOW)
    models.ProcessInstanceResult.from_dict(shown)


async def test_settings_are_read(rows: Written) -> None:
    form = FormDeployed(
        form_key=k(900), form_id="f", version=2, resource_name="f.form", digest="d",
        tenant="<default>", content='{ "id": "f" }', deployment_key=k(899), at=NOW,
    )  # fmt: skip
    listener = GlobalListener(
        "audit", "check", tuple(ListenerEvent), 4, after_own=True, priority=7, configured=True
    )
    note = ResourceDeployed(
        resource_key=k(901), name="note.txt", version=3, digest="d", tenant="<default>",
        content="Read me.", deployment_key=k(899), at=NOW,
    )  # fmt: skip
    batch = batch_of()
    batch.settings += [form, note, GlobalListenerSet(listener=listener)]
    await rows.commit(batch)

    found = await rows.reads.form(k(900), None)

    assert found is not None
    shown = form_result(found)
    assert shown["schema"] == '{ "id": "f" }'
    models.FormResult.from_dict(shown)
    assert await rows.reads.resource(k(901), ["other"]) is None
    kept = await rows.reads.resource(k(901), ["<default>"])
    assert kept is not None
    assert kept.content == "Read me."
    assert models.ResourceResult.from_dict(resource_result(kept)).to_dict() == {
        "resourceName": "note.txt",
        "version": 3,
        "versionTag": None,
        "resourceId": "note.txt",
        "tenantId": "<default>",
        "resourceKey": str(k(901)),
    }
    assert await rows.reads.global_listener("audit") == listener
    assert global_listener_result(listener)["eventTypes"] == ["all"]
    models.GlobalTaskListenerResult.from_dict(global_listener_result(listener))
    assert await rows.reads.global_listener("nul\0") is None


async def test_unknown_keys_and_rows_of_other_tenants_are_missing(rows: Written) -> None:
    await rows.commit(batch_of(an_instance()))

    for key in UNKNOWN_KEYS:
        reads = rows.reads
        for look_up in (reads.user_task, reads.job, reads.variable, reads.form, reads.resource):
            assert await look_up(key, None) is None
    assert await rows.reads.user_task(k(3), ["other"]) is None
    assert await rows.reads.user_task(k(3), ["<default>"]) is not None


async def test_a_command_tells_where_it_stands(rows: Written) -> None:
    batch = batch_of(
        None,
        a_step(1, command_id="c1-applied", principal="ann", outcome=APPLIED),
        a_step(2, command_id="c1-waiting", principal="ann"),
        a_step(3, command_id="c1-held", principal="bob"),
        a_step(4, command_id="c1-deciding", answers="c1-held", answered=APPLIED, outcome=APPLIED),
        a_step(5, command_id="c1-withdrawal", answers="c1-late", answered=WITHDRAWN),
        a_step(6, command_id="c1-poison", quarantined="boom", raw=b"{"),
    )
    await rows.commit(batch)

    async def state(command: str) -> tuple[CommandState, str]:
        status = await rows.reads.command(command)
        return status.state, status.principal

    assert await state("c1-applied") == (CommandState.APPLIED, "ann")
    assert await state("c1-waiting") == (CommandState.WAITING, "ann")
    assert await state("c1-held") == (CommandState.APPLIED, "bob")
    assert await state("c1-late") == (CommandState.WITHDRAWN, "")
    assert await state("c1-never") == (CommandState.PENDING, "")
    assert await state("rubbish\0") == await state("c1-\0") == (CommandState.PENDING, "")
    poisoned = await rows.reads.command("c1-poison")
    assert poisoned.outcome is not None
    assert poisoned.outcome.rejection is not None
    assert poisoned.outcome.rejection.code is Code.COMMAND_FAILED


async def test_the_cluster_names_brokers_and_owners(rows: Written) -> None:
    cluster = await rows.reads.cluster()

    [broker] = cluster.brokers
    assert (broker.id, broker.host, broker.alive) == (rows.broker.id, "broker-1", True)
    assert [(each.id, each.broker_id) for each in cluster.partitions] == [
        (1, broker.id),
        (2, broker.id),
    ]


async def test_a_lost_lease_is_nobodys(rows: Written) -> None:
    connection: Any = await asyncpg.connect(rows.dsn)
    await connection.execute("UPDATE leases SET expires_at = '2000-01-01' WHERE partition_id = 2")
    await connection.close()

    cluster = await rows.reads.cluster()

    assert [each.broker_id for each in cluster.partitions] == [rows.broker.id, ""]


async def test_reads_change_nothing_and_take_no_longer_than_they_may(rows: Written) -> None:
    reads = await PostgresReads.open(rows.dsn, size=1, wait_seconds=0.05, query_seconds=0.2)
    try:
        with pytest.raises(ReadTimedOut):
            await reads._fetch("SELECT pg_sleep(5)")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await reads._fetch("DELETE FROM steps")
        async with reads._session():
            with pytest.raises(ReadsExhausted):
                await reads.user_task(k(3), None)
        assert await reads.user_task(k(3), None) is None
    finally:
        await reads.close()


async def test_a_database_that_is_away_is_unavailable() -> None:
    nowhere = await PostgresReads.open("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ReadsUnavailable):
        await nowhere.user_task(k(3), None)
    await nowhere.close()


async def test_a_connection_that_is_cut_off_is_replaced(rows: Written) -> None:
    with pytest.raises(ReadsUnavailable):
        await rows.reads._fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    assert await rows.reads.user_task(k(3), None) is None


async def test_incident_and_variable_of_one_instance_are_apart(rows: Written) -> None:
    """Keys of one kind find nothing of another."""
    await rows.commit(batch_of(an_instance()))
    assert an_incident().key == k(5)
    assert a_variable().key == k(6)

    assert await rows.reads.incident(k(6), None) is None
    assert await rows.reads.variable(k(5), None) is None
