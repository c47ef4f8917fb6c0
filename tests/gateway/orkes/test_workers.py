"""Workers: polls become credit, what they say becomes records."""

import asyncio
from typing import Any

import pytest

from signoff_gateway.reads.work import WorkTaskRow
from signoff_schemas.commands import UpdateJob
from signoff_schemas.documents import RULES
from signoff_schemas.envelope import Entry
from signoff_schemas.ids import key_of, uuid_of
from signoff_schemas.rejections import Code, RejectionType
from signoff_schemas.replies import Outcome
from signoff_schemas.results import CompleteJob, FailJob, Subscription
from signoff_schemas.values import Attributes, JobKind, JobResult, ListenerEvent, TaskSnapshot
from signoff_schemas.work import Work, WorkState
from signoff_schemas.work_commands import FinishTask, SaveOutput
from tests.support.gateway import APPLIED, Stack, job, rejected
from tests.support.orkes import JANE, WorkReads, definition, document, task

JOB = key_of(1, 100)
JOB_ID = uuid_of(JOB)
WORKFLOW_ID = uuid_of(key_of(1, 4))
Json = dict[str, Any]


def result(**more: Any) -> Json:
    plain = {"taskId": JOB_ID, "workflowInstanceId": WORKFLOW_ID, "status": "COMPLETED"}
    return {**plain, **more}


def no_such_job(entry: Entry) -> Outcome:
    if isinstance(entry.body, CompleteJob | FailJob):
        return rejected(RejectionType.NOT_FOUND, Code.JOB_NOT_FOUND, verb="complete", key="1")
    return APPLIED


async def pushed(stack: Stack, *jobs: Any) -> Subscription:
    """What a poll grants, once it has granted it; the jobs are its answer."""

    def granted() -> Subscription | None:
        told = [each for each in stack.broker.bodies(Subscription) if each.grants]
        return told[-1] if told and told[-1].grants[0].count else None

    await stack.broker.until(granted)
    subscription = granted()
    assert subscription is not None
    stack.broker.push(subscription, subscription.grants[0].slot, *jobs)
    return subscription


async def test_a_batch_poll_is_answered_with_tasks(stack: Stack, work: WorkReads) -> None:
    query = "workerid=w&count=3&timeout=5000"
    polling = asyncio.create_task(stack.client.get(f"/api/tasks/poll/batch/check?{query}"))
    granted = await pushed(stack, job(variables={"a": 1}, business_id="b"), job(101))

    answer = await polling
    grant = granted.grants[0]
    assert (grant.job_type, grant.count, grant.worker) == ("check", 3, "w")
    assert answer.status_code == 200
    first, second = answer.json()
    assert first["taskId"] == JOB_ID
    assert second["taskId"] == uuid_of(key_of(1, 101))
    shown = {name: first[name] for name in ("taskType", "status", "inputData", "correlationId")}
    assert shown == {
        "taskType": "check",
        "status": "IN_PROGRESS",
        "inputData": {"a": 1},
        "correlationId": "b",
    }
    assert first["workflowInstanceId"] == WORKFLOW_ID
    assert first["referenceTaskName"] == "work"
    assert first["responseTimeoutSeconds"] > 0


async def test_a_poll_gives_nothing_if_there_is_nothing(stack: Stack, work: WorkReads) -> None:
    empty = await stack.client.get("/api/tasks/poll/check")
    assert (empty.status_code, empty.content) == (204, b"")
    assert (await stack.client.get("/api/tasks/poll/batch/check")).json() == []


async def test_a_poll_for_one_gives_one(stack: Stack, work: WorkReads) -> None:
    polling = asyncio.create_task(stack.client.get("/api/tasks/poll/check"))
    await pushed(stack, job(variables={"__outputData": {"so": "far"}, "x": 1}))
    found = (await polling).json()

    assert (found["taskId"], found["inputData"]) == (JOB_ID, {"x": 1})
    assert found["outputData"] == {"so": "far"}


async def test_a_listener_is_a_worker_too(stack: Stack, work: WorkReads) -> None:
    snapshot = TaskSnapshot(key_of(1, 7), "claim", Attributes("jane"), ("assignee",))
    polling = asyncio.create_task(stack.client.get("/api/tasks/poll/check?timeout=5000"))
    await pushed(
        stack,
        job(kind=JobKind.TASK_LISTENER, listener_event=ListenerEvent.ASSIGNING, task=snapshot),
    )

    shown = (await polling).json()["inputData"]["userTask"]
    assert (shown["eventType"], shown["action"], shown["assignee"]) == (
        "assigning",
        "claim",
        "jane",
    )
    assert shown["taskId"] == uuid_of(key_of(1, 7))

    def listens(entry: Entry) -> Outcome:
        if isinstance(entry.body, CompleteJob) and entry.body.variables:
            return rejected(
                RejectionType.INVALID_ARGUMENT,
                Code.JOB_LISTENER_VARIABLES,
                key="1",
                type="check",
                process="1",
            )
        return APPLIED

    stack.broker.answer = listens
    verdict = {"denied": True, "deniedReason": "not on Sundays"}
    answer = await stack.client.post("/api/tasks", json=result(outputData=verdict))
    assert answer.status_code == 200, answer.text
    said = stack.broker.bodies(CompleteJob)[-1]
    assert said.result == JobResult(denied=True, denied_reason="not on Sundays")

    wrong = await stack.client.post("/api/tasks", json=result(outputData={"x": 1}))
    assert wrong.status_code == 400
    assert "takes denied, deniedReason and corrections, not x" in wrong.json()["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("domain=d", "Task domains are not supported"),
        ("count=0", "count must be 1 to 1000"),
        ("workerid=%00", "'workerid' is a NUL"),
        ("workerid=" + "w" * 501, "a text of more than 500 characters"),
        ("count=x", "Failed to convert 'count'"),
        ("timeout=9999999999", "Failed to convert 'timeout'"),
    ],
)
async def test_a_poll_that_makes_no_sense_is_refused(
    stack: Stack, work: WorkReads, query: str, message: str
) -> None:
    answer = await stack.client.get(f"/api/tasks/poll/batch/check?{query}")
    assert answer.status_code == 400
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("more", "record"),
    [
        ({"outputData": {"a": 1}}, CompleteJob(job_key=JOB, variables={"a": 1})),
        ({"outputData": None}, CompleteJob(job_key=JOB)),
        (
            {"status": "FAILED", "reasonForIncompletion": "no"},
            FailJob(job_key=JOB, retries=None, error_message="no"),
        ),
        ({"status": "FAILED_WITH_TERMINAL_ERROR"}, FailJob(job_key=JOB, retries=0)),
        (
            {"status": "IN_PROGRESS", "callbackAfterSeconds": 5, "outputData": {"p": 1}},
            FailJob(
                job_key=JOB,
                retries=1,
                back_off_ms=5000,
                variables={"__outputData": {"p": 1}},
            ),
        ),
        (
            {"status": "IN_PROGRESS", "extendLease": True},
            UpdateJob(job_key=JOB, timeout_ms=600_000),
        ),
    ],
)
@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/update-v2"])
async def test_what_a_worker_says_becomes_a_record(
    stack: Stack, work: WorkReads, path: str, more: Json, record: object
) -> None:
    work.kept.append(document(RULES, "other", 1, {"responseTimeoutSeconds": 5}))
    answer = await stack.client.post(path, json=result(**more))

    assert answer.status_code == 200, answer.text
    assert [each.body for each in stack.broker.commands] == [record]
    if path == "/api/tasks":
        assert answer.text == JOB_ID
        assert answer.headers["content-type"].startswith("text/plain")
    else:
        assert answer.json() is None


async def test_an_id_comes_as_json_for_who_takes_nothing_else(
    stack: Stack, work: WorkReads
) -> None:
    headers = {"accept": "application/json"}
    answer = await stack.client.post("/api/tasks", json=result(), headers=headers)
    assert answer.json() == JOB_ID


@pytest.mark.parametrize(
    ("status", "kind"), [("COMPLETED", FinishTask), ("IN_PROGRESS", SaveOutput)]
)
async def test_the_same_endpoint_does_for_the_tasks_of_people(
    stack: Stack, work: WorkReads, status: str, kind: type
) -> None:
    stack.broker.answer = no_such_job
    work.put(task(key=JOB))

    answer = await stack.client.post(
        "/api/tasks", json=result(status=status, outputData={"ok": True})
    )

    assert answer.status_code == 200, answer.text
    [said] = stack.broker.bodies(kind)
    assert (said.task_key, said.output) == (JOB, {"ok": True})


@pytest.mark.parametrize(
    ("row", "status", "expected"),
    [
        (None, "COMPLETED", 404),
        (task(key=JOB, state=WorkState.COMPLETED), "COMPLETED", 200),
        (task(key=JOB), "FAILED", 400),
    ],
)
async def test_what_is_no_open_job(
    stack: Stack, work: WorkReads, row: WorkTaskRow | None, status: str, expected: int
) -> None:
    stack.broker.answer = no_such_job
    if row is not None:
        work.put(row)

    answer = await stack.client.post("/api/tasks", json=result(status=status))

    assert answer.status_code == expected
    assert not stack.broker.bodies(FinishTask)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (result(taskId="nonsense"), 404),
        (result(status="DONE"), 400),
        (result(callbackAfterSeconds=-1), 400),
        (result(outputData=[1]), 400),
        ([], 400),
        (None, 400),
        (result(outputData={"n": "\0"}), 400),
        (result(externalOutputPayloadStoragePath="s3"), 400),
    ],
)
async def test_a_result_that_makes_no_sense_is_refused(
    stack: Stack, work: WorkReads, body: Any, expected: int
) -> None:
    answer = await stack.client.post("/api/tasks", json=body)
    assert answer.status_code == expected, answer.text
    assert not stack.broker.commands


@pytest.mark.parametrize("kind", ["a%00b", "t" * 501])
async def test_a_task_type_that_cannot_be_is_not_granted(
    stack: Stack, work: WorkReads, kind: str
) -> None:
    answer = await stack.client.get(f"/api/tasks/poll/batch/{kind}")
    assert answer.status_code == 400
    assert not any(each.grants for each in stack.broker.bodies(Subscription))


async def test_a_person_s_task_has_its_form_checked_here_too(stack: Stack, work: WorkReads) -> None:
    stack.broker.answer = no_such_job
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    raw = definition(userFormTemplate={"name": "f", "version": 1})
    work.put(task(WorkState.CLAIMED, Work(JANE, JANE, 0), key=JOB, raw=raw))
    work.kept.append(document("form_template", "f", 1, {"jsonSchema": schema, "templateUI": {}}))

    wrong = await stack.client.post("/api/tasks", json=result(outputData={"ok": "yes"}))
    assert wrong.status_code == 400
    assert wrong.json()["validationErrors"][0]["path"] == "ok"
    assert not stack.broker.bodies(FinishTask)

    right = await stack.client.post("/api/tasks", json=result(outputData={"ok": True}))
    assert right.status_code == 200, right.text
    assert stack.broker.bodies(FinishTask)


async def test_logs_are_not_kept(stack: Stack, work: WorkReads) -> None:
    refused = await stack.client.post(f"/api/tasks/{JOB_ID}/log", json="hello")
    assert refused.status_code == 400
    assert "not kept" in refused.json()["message"]
    assert (await stack.client.get(f"/api/tasks/{JOB_ID}/log")).json() == []
