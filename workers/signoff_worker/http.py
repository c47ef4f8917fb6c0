"""The canonical transport: long polls and answers over a gateway's HTTP API."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from signoff_worker.job import Completion, Correction, Denial, ListenerJob, Outcome
from signoff_worker.transport import (
    Activation,
    Failure,
    JobGone,
    OutcomeRefused,
    TransportError,
)

POLL = timedelta(seconds=20)
ANSWER_SECONDS = 10.0

_NAMES = {
    "candidate_groups": "candidateGroups",
    "candidate_users": "candidateUsers",
    "due_date": "dueDate",
    "follow_up_date": "followUpDate",
}
_CHANGED = {
    "candidateGroupsList": "candidate_groups",
    "candidateUsersList": "candidate_users",
    "dueDate": "due_date",
    "followUpDate": "follow_up_date",
}


class HttpTransport:
    """Jobs of the gateway at `url`; connections are kept open and are made by need.

    Args:
        url: The gateway's address, without `/v2`.
        poll: How long one long poll waits for a job.
    """

    def __init__(self, url: str, *, poll: timedelta = POLL) -> None:
        self._url = url.rstrip("/")
        self._poll = poll
        self._session: aiohttp.ClientSession | None = None

    async def activate(self, activation: Activation) -> Sequence[ListenerJob]:
        """Long-poll for jobs. Raises: TransportError."""
        body: dict[str, Any] = {
            "type": activation.job_type,
            "timeout": _milliseconds(activation.timeout),
            "maxJobsToActivate": activation.jobs_max,
            "worker": activation.worker,
            "requestTimeout": _milliseconds(self._poll),
        }
        if activation.variables:
            body["fetchVariable"] = list(activation.variables)
        patience = self._poll.total_seconds() + ANSWER_SECONDS
        status, data = await self._post("/v2/jobs/activation", body, patience)
        if status != HTTPStatus.OK:
            raise TransportError(_detail(status, data))
        try:
            return [_job(each) for each in orjson.loads(data)["jobs"]]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise TransportError(f"what answers is no gateway: {error!r}") from error

    async def answer(self, job: ListenerJob, outcome: Outcome) -> None:
        """Complete a job. Raises: TransportError, JobGone, OutcomeRefused."""
        await self._command(f"/v2/jobs/{job.key}/completion", _completion(outcome))

    async def fail(self, job: ListenerJob, failure: Failure) -> None:
        """Fail a job. Raises: TransportError, JobGone."""
        body = {
            "retries": failure.retries,
            "errorMessage": failure.message,
            "retryBackOff": _milliseconds(failure.pause),
        }
        await self._command(f"/v2/jobs/{job.key}/failure", body)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _command(self, path: str, body: dict[str, Any]) -> None:
        status, data = await self._post(path, body, ANSWER_SECONDS)
        if status == HTTPStatus.NO_CONTENT:
            return
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise JobGone(_detail(status, data))
        if status == HTTPStatus.BAD_REQUEST:
            raise OutcomeRefused(_detail(status, data))
        raise TransportError(_detail(status, data))

    async def _post(self, path: str, body: dict[str, Any], seconds: float) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                headers={"Content-Type": "application/json"},
            )
        try:
            async with self._session.post(
                self._url + path,
                data=orjson.dumps(body),
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # Its text, and what it is chained to, have the address with the login in it.
            raise TransportError("the gateway's address is no URL of HTTP") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransportError(f"{type(error).__name__}: {error}") from error


def _completion(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Completion(variables):
            return {"variables": dict(variables)} if variables else {}
        case Correction(attributes):
            corrections = {
                _NAMES.get(name, name): list(value) if isinstance(value, tuple) else value
                for name, value in attributes.items()
            }
            return {"result": {"type": "userTask", "corrections": corrections}}
        case Denial(reason):
            return {"result": {"type": "userTask", "denied": True, "deniedReason": reason}}


def _job(raw: dict[str, Any]) -> ListenerJob:
    event = raw["listenerEventType"].lower()
    common: dict[str, Any] = {
        "key": raw["jobKey"],
        "type": raw["type"],
        "variables": raw["variables"],
        "headers": raw["customHeaders"],
        "retries": raw["retries"],
        "deadline": datetime.fromtimestamp(raw["deadline"] / 1000, UTC),
        "process_id": raw["processDefinitionId"],
        "process_instance_key": raw["processInstanceKey"],
        "element_id": raw["elementId"],
        "tenant": raw["tenantId"],
    }
    task = raw.get("userTask")
    if task is None:
        return ListenerJob(**common)
    return ListenerJob(
        **common,
        event=event,
        task_key=task["userTaskKey"],
        action=task["action"] or "",
        assignee=task["assignee"],
        candidate_users=tuple(task["candidateUsers"] or ()),
        candidate_groups=tuple(task["candidateGroups"] or ()),
        due_date=_date(task["dueDate"]),
        follow_up_date=_date(task["followUpDate"]),
        # The dialect leaves a priority of 0 out.
        priority=task["priority"] or 0,
        changed=frozenset(
            {str(_CHANGED.get(name, name)) for name in task["changedAttributes"] or ()}
        ),
    )


def _date(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def _detail(status: int, data: bytes) -> str:
    try:
        return f"{status} {orjson.loads(data)['detail']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return str(status)
