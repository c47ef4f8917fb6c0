"""Task polls of workers: jobs by credit, in the shape of Conductor's tasks."""

from collections.abc import Iterable, Sequence
from typing import Final

from signoff_gateway.dialects.orkes.answers import BadRequest, json_answer
from signoff_gateway.dialects.orkes.definition_rights import must_work_on
from signoff_gateway.dialects.orkes.validation import query_of
from signoff_gateway.dialects.orkes.workflow_results import COMMON, SAVED_OUTPUT
from signoff_gateway.exchange import Answer, Call, Route
from signoff_gateway.polls import Wanted
from signoff_gateway.subscriptions import Subscriptions
from signoff_process.clock import Clock
from signoff_schemas.ids import uuid_of
from signoff_schemas.jobs import ActivatedJob
from signoff_schemas.limits import NAME_MAX, unstorable_text
from signoff_schemas.values import TaskSnapshot

SHORTEST_MS: Final = 100
"""What a poll gets that does not want to wait: a round trip to the partitions."""
LONGEST_MS: Final = 60_000
COUNT_MAX: Final = 1000
RESPONSE_MS: Final = 600_000
"""For which a worker has a job that no task definition says more about."""


class Polling:
    """The endpoints from which workers get their tasks.

    Args:
        subscriptions: Hold the polls.
        clock: Tells for how long a worker has its task.
    """

    def __init__(self, subscriptions: Subscriptions, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", "/api/tasks/poll/{taskType}", self.poll)
        yield Route("GET", "/api/tasks/poll/batch/{taskType}", self.poll_many)

    async def poll(self, call: Call) -> Answer:
        """GET /tasks/poll/{taskType}: a task, or 204."""
        answer, tasks = await self._polled(call, 1, SHORTEST_MS)
        if not tasks:
            return Answer(204)
        answer.body = json_answer(tasks[0]).body
        return answer

    async def poll_many(self, call: Call) -> Answer:
        """GET /tasks/poll/batch/{taskType}: up to ``count`` tasks, as soon as there is one."""
        query = query_of(call)
        count, timeout = query.number("count"), query.number("timeout")
        most = 1 if count is None else count
        if not 0 < most <= COUNT_MAX:
            raise BadRequest(f"count must be 1 to {COUNT_MAX}, not {most}")
        wait = SHORTEST_MS if timeout is None else min(max(timeout, SHORTEST_MS), LONGEST_MS)
        answer, _ = await self._polled(call, most, wait)
        return answer

    async def _polled(
        self, call: Call, most: int, wait_ms: int
    ) -> tuple[Answer, Sequence[dict[str, object]]]:
        wanted = _wanted(call)
        must_work_on(call.principal, wanted.job_type)
        jobs = await self._subscriptions.poll(wanted, most, wait_ms / 1000, call.receive)
        now = self._clock.now_ms()
        tasks = [_task(job, now) for job in jobs]
        answer = json_answer(tasks)
        if jobs:
            answer.undelivered = lambda: self._subscriptions.give_back(wanted, jobs)
        return answer, tasks


def _wanted(call: Call) -> Wanted:
    query, kind = query_of(call), call.params["taskType"]
    worker = query.text("workerid")
    for name in (kind, worker):
        if offence := unstorable_text(name, NAME_MAX):
            raise BadRequest(f"The task type or the worker id cannot be kept: it has {offence}")
    if query.text("domain"):
        raise BadRequest("Task domains are not supported: poll without one")
    return Wanted(kind, RESPONSE_MS, worker)


def _task(job: ActivatedJob, now: int) -> dict[str, object]:
    given = dict(job.variables)
    saved = given.pop(SAVED_OUTPUT, {})
    if job.task is not None:
        given["userTask"] = _snapshot(job.task, job)
    task: dict[str, object] = {
        "taskType": job.job_type,
        "status": "IN_PROGRESS",
        "inputData": given,
        "outputData": saved,
        "referenceTaskName": job.element_id,
        "taskDefName": job.job_type,
        "taskId": uuid_of(job.job_key),
        "workflowInstanceId": uuid_of(job.process_instance_key),
        "workflowType": job.process.process_id,
        "workerId": job.worker,
        "scheduledTime": now,
        "startTime": now,
        "updateTime": now,
        "endTime": 0,
        "seq": 0,
        "retryCount": job.failures,
        "responseTimeoutSeconds": max(round((job.deadline - now) / 1000), 1),
        **COMMON,
        "pollCount": 1,
    }
    if job.business_id:
        task["correlationId"] = job.business_id
    return task


def _snapshot(task: TaskSnapshot, job: ActivatedJob) -> dict[str, object]:
    """The user task that a task listener decides about: what is asked for, not yet in effect."""
    attributes = task.attributes
    return {
        "taskId": uuid_of(task.task_key),
        "eventType": None if job.listener_event is None else job.listener_event.value,
        "action": task.action,
        "assignee": attributes.assignee or None,
        "candidateGroups": attributes.candidate_groups,
        "candidateUsers": attributes.candidate_users,
        "dueDate": attributes.due_date or None,
        "followUpDate": attributes.follow_up_date or None,
        "priority": attributes.priority,
        "changedAttributes": task.changed,
    }
