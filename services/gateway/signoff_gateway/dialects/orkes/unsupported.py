"""Options of definitions that would change what happens and that nothing here acts on."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic.alias_generators import to_camel

from signoff_gateway.dialects.orkes.definitions import Part, TaskDef, WorkflowDef, WorkflowTask

_OF_WORKFLOWS: Final = (
    "failure_workflow",
    "input_template",
    "input_schema",
    "output_schema",
    "cache_config",
    "masked_fields",
    "workflow_status_listener_enabled",
)
_OF_TASKS: Final = (
    "async_complete",
    "cache_config",
    "case_expression",
    "case_value_param",
    "default_exclusive_join_task",
    "dynamic_fork_join_tasks_param",
    "dynamic_fork_tasks_input_param_name",
    "dynamic_fork_tasks_param",
    "dynamic_task_name_param",
    "fork_tasks",
    "join_on",
    "join_status",
    "loop_condition",
    "loop_over",
    "on_state_change",
    "permissive",
    "rate_limited",
    "script_expression",
    "sink",
    "start_delay",
    "sub_workflow_param",
    "task_definition",
)
_OF_RULES: Final = (
    "total_timeout_seconds",
    "concurrent_exec_limit",
    "rate_limit_per_frequency",
    "isolation_group_id",
    "execution_name_space",
    "input_template",
    "input_schema",
    "output_schema",
)
_NAMES: Final[Mapping[type[Part], tuple[str, ...]]] = {
    WorkflowDef: _OF_WORKFLOWS,
    WorkflowTask: _OF_TASKS,
    TaskDef: _OF_RULES,
}


def unsupported(part: Part) -> Iterator[str]:
    """Names of the options that are set, as they are written. What is empty is not set."""
    for name in _NAMES[type(part)]:
        if getattr(part, name):
            yield to_camel(name)
