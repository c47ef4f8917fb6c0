"""Bodies of the process instance and incident endpoints."""

from signoff_gateway.dialects.camunda.validation import (
    Body,
    Int32,
    Int64,
    Key,
    Text,
    Texts,
)


class StartBody(Body):
    """POST /process-instances."""

    process_definition_id: Text | None = None
    process_definition_key: Key | None = None
    process_definition_version: Int32 | None = None
    variables: dict[str, object] | None = None
    tenant_id: Text | None = None
    tags: Texts | None = None
    business_id: Text | None = None
    await_completion: bool | None = None
    request_timeout: Int64 | None = None
    fetch_variables: Texts | None = None
    start_instructions: list[object] | None = None
    runtime_instructions: list[object] | None = None
    operation_reference: Int64 | None = None


class ReferenceBody(Body):
    """Cancellation and incident resolution."""

    operation_reference: Int64 | None = None
