"""Commands of job workers: complete, fail, throw an error; and update, which is for operators."""

from typing import Final

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument, no_content
from signoff_gateway.dialects.camunda.attributes import AttributeReader
from signoff_gateway.dialects.camunda.job_models import (
    Corrections,
    JobChangeset,
    JobCompletionBody,
    JobErrorBody,
    JobFailureBody,
    JobUpdateBody,
    ResultBody,
)
from signoff_gateway.dialects.camunda.validation import (
    check_operation_reference,
    check_span,
    check_variables,
    read,
    read_optional,
    sentences,
)
from signoff_gateway.exchange import Answer, Call
from signoff_gateway.sending import Sender
from signoff_schemas.commands import UpdateJob
from signoff_schemas.results import CompleteJob, FailJob, ThrowJobError
from signoff_schemas.values import JobResult

_USER_TASK: Final = "userTask"


class JobCommands:
    """Endpoints that settle or change one job."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def complete(self, call: Call) -> Answer:
        """POST /jobs/{key}/completion."""
        body = read_optional(JobCompletionBody, call.body)
        command = CompleteJob(
            job_key=call.key,
            variables=check_variables(body.variables),
            result=JobResult() if body.result is None else _result(body.result),
            lease_token=_lease(body.lease_token, body.job_lease_token),
        )
        return no_content(await self._sender.ask(call, command))

    async def fail(self, call: Call) -> Answer:
        """POST /jobs/{key}/failure: without a body it fails for good."""
        body = read_optional(JobFailureBody, call.body)
        check_span("retryBackOff", body.retry_back_off)
        command = FailJob(
            job_key=call.key,
            retries=body.retries or 0,
            error_message=body.error_message or "",
            back_off_ms=max(0, body.retry_back_off or 0),
            variables=check_variables(body.variables),
            lease_token=_lease(body.lease_token, body.job_lease_token),
        )
        return no_content(await self._sender.ask(call, command))

    async def throw_error(self, call: Call) -> Answer:
        """POST /jobs/{key}/error."""
        body = read(JobErrorBody, call.body)
        if not body.error_code:
            raise InvalidArgument("No errorCode provided.")
        command = ThrowJobError(
            job_key=call.key,
            error_code=body.error_code,
            error_message=body.error_message or "",
            variables=check_variables(body.variables),
            lease_token=_lease(body.lease_token, body.job_lease_token),
        )
        return no_content(await self._sender.ask(call, command))

    async def update(self, call: Call) -> Answer:
        """PATCH /jobs/{key}."""
        body = read(JobUpdateBody, call.body)
        changes = body.changeset
        if changes is None or changes == JobChangeset():
            raise InvalidArgument("At least one of [retries, timeout, priority] is required.")
        check_operation_reference(body.operation_reference)
        check_span("timeout", changes.timeout)
        command = UpdateJob(
            job_key=call.key,
            retries=changes.retries,
            timeout_ms=changes.timeout,
            priority=changes.priority,
            lease_token=_lease(body.lease_token, body.job_lease_token),
        )
        return no_content(await self._sender.ask(call, command))


def _result(body: ResultBody) -> JobResult:
    if body.type not in (None, _USER_TASK):
        raise BadRequest(
            f"Cannot map value '{body.type}' for type 'JobResult'. "
            f"Use any of the following values: [{_USER_TASK}]"
        )
    attributes = AttributeReader()
    if body.corrections is not None:
        _read_corrections(attributes, body.corrections)
    sentences(attributes.problems)
    return JobResult(
        denied=bool(body.denied),
        denied_reason=body.denied_reason or "",
        corrections=attributes.changes,
    )


def _read_corrections(attributes: AttributeReader, corrections: Corrections) -> None:
    attributes.text("assignee", corrections.assignee)
    attributes.texts("candidate_groups", corrections.candidate_groups)
    attributes.texts("candidate_users", corrections.candidate_users)
    attributes.date("due_date", "due date", corrections.due_date)
    attributes.date("follow_up_date", "follow-up date", corrections.follow_up_date)
    attributes.priority(corrections.priority)


def _lease(token: str | None, older: str | None) -> str | None:
    """The newer and the older name of the same field."""
    return token if token is not None else older
