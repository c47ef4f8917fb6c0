"""Bodies of the job worker endpoints."""

from typing import Annotated

from pydantic import Field

from signoff_gateway.dialects.camunda.validation import (
    Body,
    Int32,
    Int64,
    LongText,
    Text,
    Texts,
    enum_value,
)

MESSAGE_LENGTH_MAX = 1_000_000
Message = Annotated[str, Field(max_length=MESSAGE_LENGTH_MAX)]


class ActivationBody(Body):
    """POST /jobs/activation."""

    type: Text | None = None
    timeout: Int64 | None = None
    max_jobs_to_activate: Int32 | None = None
    worker: Text | None = None
    fetch_variable: Texts | None = None
    request_timeout: Int64 | None = None
    tenant_ids: Texts | None = None
    tenant_filter: Annotated[str, enum_value("tenantFilter", ("PROVIDED", "ASSIGNED"))] | None = (
        None
    )
    with_lease: bool | None = None


class Corrections(Body):
    """What a listener corrects. Null leaves alone, an empty text or list clears."""

    assignee: Text | None = None
    due_date: Text | None = None
    follow_up_date: Text | None = None
    candidate_users: Texts | None = None
    candidate_groups: Texts | None = None
    priority: Int32 | None = None


class ResultBody(Body):
    """A listener's answer; ``activateElements`` and the rest belong to kinds that are not here."""

    type: Text | None = None
    denied: bool | None = None
    denied_reason: LongText | None = None
    corrections: Corrections | None = None


class JobCompletionBody(Body):
    """POST /jobs/{key}/completion."""

    variables: dict[str, object] | None = None
    result: ResultBody | None = None
    lease_token: Text | None = None
    job_lease_token: Text | None = None
    business_id: Text | None = None


class JobFailureBody(Body):
    """POST /jobs/{key}/failure."""

    retries: Int32 | None = None
    error_message: Message | None = None
    retry_back_off: Int64 | None = None
    variables: dict[str, object] | None = None
    lease_token: Text | None = None
    job_lease_token: Text | None = None


class JobErrorBody(Body):
    """POST /jobs/{key}/error."""

    error_code: Text | None = None
    error_message: Message | None = None
    variables: dict[str, object] | None = None
    lease_token: Text | None = None
    job_lease_token: Text | None = None


class JobChangeset(Body):
    """What may be changed of a job."""

    retries: Int32 | None = None
    timeout: Int64 | None = None
    priority: Int32 | None = None


class JobUpdateBody(Body):
    """PATCH /jobs/{key}."""

    changeset: JobChangeset | None = None
    operation_reference: Int64 | None = None
    lease_token: Text | None = None
    job_lease_token: Text | None = None
