"""Bodies of the workflow and task endpoints."""

from typing import Annotated, Final, Literal

from pydantic import Field

from signoff_gateway.dialects.orkes.validation import Body, Int32, Name, RequiredName

Json = dict[str, object]

SECONDS_MAX: Final = 366 * 24 * 3600


class StartBody(Body):
    """A request to start a workflow."""

    name: RequiredName
    version: Annotated[Int32 | None, Field(ge=0)] = None
    """0 and None: the latest."""
    correlation_id: Name | None = None
    input: Json | None = None
    priority: int | None = None
    """Of no effect: there is one queue a type, oldest first."""
    task_to_domain: Json | None = None
    workflow_def: Json | None = None
    external_input_payload_storage_path: str | None = None
    idempotency_key: Name | None = None
    idempotency_strategy: Literal["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"] | None = None


class TaskResultBody(Body):
    """What a worker says of its task."""

    task_id: str
    workflow_instance_id: str | None = None
    status: Literal["IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED"]
    output_data: Json | None = None
    reason_for_incompletion: str | None = None
    callback_after_seconds: Annotated[int | None, Field(ge=0, le=SECONDS_MAX)] = None
    extend_lease: bool | None = None
    external_output_payload_storage_path: str | None = None
