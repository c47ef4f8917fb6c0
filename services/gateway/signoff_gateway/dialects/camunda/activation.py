"""Job activation: a poll, and the jobs it got in the dialect's shape (camunda.md 3.1)."""

import asyncio
from contextlib import suppress
from typing import Final

from signoff_gateway.dialects.camunda.answers import InvalidArgument, json_answer
from signoff_gateway.dialects.camunda.dates import canonical_date
from signoff_gateway.dialects.camunda.headers import job_headers
from signoff_gateway.dialects.camunda.job_models import ActivationBody
from signoff_gateway.dialects.camunda.names import ATTRIBUTE_LABELS
from signoff_gateway.dialects.camunda.reading_rights import may_work_on
from signoff_gateway.dialects.camunda.validation import read
from signoff_gateway.exchange import Answer, Call, Receive
from signoff_gateway.pending import hung_up
from signoff_gateway.polls import Wanted
from signoff_gateway.refusals import ClientGone
from signoff_gateway.subscriptions import Subscriptions
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.jobs import ActivatedJob
from signoff_schemas.limits import MILLISECONDS_MAX
from signoff_schemas.values import JobKind, TaskSnapshot

LONG_POLL: Final = 10.0
"""Seconds that a poll waits which does not say how long."""
AT_ONCE: Final = 0.1
"""Seconds that a poll gets which does not want to wait: a round trip to the partitions."""
LONGEST: Final = 3600.0
WANTED_BYTES_MAX: Final = 64 * 1024
"""Of what one poll asks for: it goes down the log every second, with that of all others."""


class Activation:
    """The endpoint from which HTTP workers get their jobs."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    async def activate(self, call: Call) -> Answer:
        """POST /jobs/activation: 200 with the jobs, or with none when the wait is over."""
        body = read(ActivationBody, call.body)
        wanted, most = _wanted(body)
        wait = _wait(body.request_timeout)
        if may_work_on(call.principal, wanted.job_type):
            jobs = await self._subscriptions.poll(wanted, most, wait, call.receive)
        else:
            jobs = await _nothing(wait, call.receive)
        with_lease = body.with_lease is True
        answer = json_answer({"jobs": [_job(job, with_lease=with_lease) for job in jobs]})
        if jobs:
            answer.undelivered = lambda: self._subscriptions.give_back(wanted, jobs)
        return answer


async def _nothing(wait: float, receive: Receive) -> list[ActivatedJob]:
    """Jobs are withheld without a word; a poll in vain takes as long as others."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait):
            await hung_up(receive)
            raise ClientGone
    return []


def _wanted(body: ActivationBody) -> tuple[Wanted, int]:
    problems: list[str] = []
    if not body.type:
        problems.append("No type provided")
    if body.timeout is None:
        problems.append("No timeout provided")
    elif body.timeout <= 0:
        problems.append(f"The value for timeout is '{body.timeout}' but must be greater than 0")
    elif body.timeout > MILLISECONDS_MAX:
        # Brokers refuse a heartbeat with such a grant, and with it every other poll's.
        problems.append(
            f"The value for timeout is '{body.timeout}' but must be at most {MILLISECONDS_MAX}"
        )
    most = body.max_jobs_to_activate
    if most is None:
        problems.append("No maxJobsToActivate provided")
    elif most <= 0:
        problems.append(f"The value for maxJobsToActivate is '{most}' but must be greater than 0")
    if problems or body.type is None or body.timeout is None or most is None:
        raise InvalidArgument(". ".join(problems) + ".")
    _check_tenants(body.tenant_ids or [])
    fetch = tuple(sorted(set(body.fetch_variable or ())))
    wanted = Wanted(body.type, body.timeout, body.worker or "", fetch)
    if wanted.weight > WANTED_BYTES_MAX:
        raise InvalidArgument(
            f"The provided type, worker and fetchVariable exceed the limit of {WANTED_BYTES_MAX} "
            "bytes together."
        )
    return wanted, most


def _check_tenants(tenants: list[str]) -> None:
    if any(each != DEFAULT_TENANT for each in tenants):
        listed = tenants[0] if len(tenants) == 1 else ", ".join(tenants)
        named = f"identifier '{listed}'" if len(tenants) == 1 else f"identifiers [{listed}]"
        raise InvalidArgument(
            f"Expected to handle request Activate Jobs with tenant {named}, "
            "but multi-tenancy is disabled"
        )


def _wait(request_timeout_ms: int | None) -> float:
    if not request_timeout_ms:
        return LONG_POLL
    if request_timeout_ms < 0:
        return AT_ONCE
    return min(request_timeout_ms / 1000, LONGEST)


def _job(job: ActivatedJob, *, with_lease: bool) -> dict[str, object]:
    lease = job.lease_token if with_lease else None
    return {
        "jobKey": str(job.job_key),
        "type": job.job_type,
        "kind": "TASK_LISTENER" if job.kind is JobKind.TASK_LISTENER else "BPMN_ELEMENT",
        "listenerEventType": (
            "UNSPECIFIED" if job.listener_event is None else job.listener_event.value.upper()
        ),
        "processDefinitionId": job.process.process_id,
        "processDefinitionVersion": job.process.version,
        "processDefinitionKey": str(job.process.definition_key),
        "processInstanceKey": str(job.process_instance_key),
        "rootProcessInstanceKey": str(job.process_instance_key),
        "elementId": job.element_id,
        "elementInstanceKey": str(job.element_instance_key),
        "customHeaders": job_headers(job.headers, job.task),
        "worker": job.worker,
        "retries": job.retries,
        "deadline": job.deadline,
        "variables": job.variables,
        "tenantId": job.tenant,
        "tags": job.tags,
        "userTask": None if job.task is None else _user_task(job.task),
        "businessId": job.business_id or None,
        "priority": job.priority,
        "leaseToken": lease,
        "jobLeaseToken": lease,
        "physicalTenantId": "default",
    }


def _user_task(task: TaskSnapshot) -> dict[str, object]:
    attributes = task.attributes
    return {
        "userTaskKey": str(task.task_key),
        "action": task.action,
        "assignee": attributes.assignee or None,
        "candidateGroups": attributes.candidate_groups,
        "candidateUsers": attributes.candidate_users,
        "changedAttributes": sorted(map(ATTRIBUTE_LABELS.__getitem__, task.changed)),
        "dueDate": canonical_date(attributes.due_date),
        "followUpDate": canonical_date(attributes.follow_up_date),
        "formKey": None if task.form_key is None else str(task.form_key),
        # Mirrors the header, which is left out for what is not above zero.
        "priority": attributes.priority if attributes.priority > 0 else None,
    }
