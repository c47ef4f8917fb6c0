"""Workflow definitions as this dialect's clients write them: what is read of the JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Json = dict[str, object]


class Part(BaseModel):
    """A part of a definition: camelCase, null like absent, other people's members ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", hide_input_in_errors=True, frozen=True
    )


class WorkflowTask(Part):
    """One task of a definition. What only other types of task know is read to be refused."""

    name: str | None = None
    task_reference_name: str | None = None
    type: str | None = None
    description: str | None = None
    input_parameters: Json | None = None
    evaluator_type: str | None = None
    expression: str | None = None
    decision_cases: "dict[str, list[WorkflowTask]] | None" = None
    default_case: "list[WorkflowTask] | None" = None
    optional: bool | None = None
    retry_count: int | None = None
    start_delay: int | None = None
    async_complete: bool | None = None
    rate_limited: bool | None = None
    permissive: bool | None = None
    cache_config: object = None
    case_expression: object = None
    case_value_param: object = None
    default_exclusive_join_task: object = None
    dynamic_fork_join_tasks_param: object = None
    dynamic_fork_tasks_input_param_name: object = None
    dynamic_fork_tasks_param: object = None
    dynamic_task_name_param: object = None
    fork_tasks: object = None
    join_on: object = None
    join_status: object = None
    loop_condition: object = None
    loop_over: object = None
    on_state_change: object = None
    script_expression: object = None
    sink: object = None
    sub_workflow_param: object = None
    task_definition: object = None


class WorkflowDef(Part):
    """A workflow definition, of schema version 2."""

    name: str | None = None
    version: int = Field(default=1, ge=1, lt=1 << 31)
    description: str | None = None
    tasks: list[WorkflowTask] | None = None
    input_parameters: list[str] | None = None
    output_parameters: Json | None = None
    variables: Json | None = None
    timeout_seconds: int | None = None
    timeout_policy: Literal["TIME_OUT_WF", "ALERT_ONLY"] | None = None
    schema_version: int | None = None
    owner_email: str | None = None
    failure_workflow: object = None
    input_template: object = None
    input_schema: object = None
    output_schema: object = None
    cache_config: object = None
    masked_fields: object = None
    rate_limit_config: Json | None = None
    workflow_status_listener_enabled: bool | None = None


class TaskDef(Part):
    """A task definition: the rule that all tasks of its name follow."""

    name: str | None = None
    retry_count: int | None = None
    retry_logic: str | None = None
    retry_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    timeout_policy: Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"] | None = None
    response_timeout_seconds: int | None = None
    total_timeout_seconds: int | None = None
    concurrent_exec_limit: int | None = None
    rate_limit_per_frequency: int | None = None
    isolation_group_id: object = None
    execution_name_space: object = None
    input_template: object = None
    input_schema: object = None
    output_schema: object = None
    enforce_schema: bool | None = None


WorkflowTask.model_rebuild()
