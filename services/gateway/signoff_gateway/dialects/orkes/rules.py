"""Task definitions as the engine's rules: read, checked and translated."""

from collections.abc import Mapping
from typing import Final

from pydantic.alias_generators import to_camel

from signoff_gateway.dialects.orkes.compiler import SECONDS_MAX, name_offence
from signoff_gateway.dialects.orkes.definitions import TaskDef
from signoff_gateway.dialects.orkes.offences import Offences
from signoff_gateway.dialects.orkes.unsupported import unsupported
from signoff_schemas.limits import COUNT_MAX
from signoff_schemas.work import TaskRule, TimeoutPolicy

_FIXED: Final = "FIXED"
_POLICIES: Final[Mapping[str, TimeoutPolicy]] = {
    "RETRY": TimeoutPolicy.RETRY,
    "TIME_OUT_WF": TimeoutPolicy.END_PROCESS,
    "ALERT_ONLY": TimeoutPolicy.ALERT_ONLY,
}
DEFAULT: Final = TaskRule()


def rule_of(definition: TaskDef, offences: Offences) -> TaskRule:
    """The rule of a task definition; what is wrong with it goes to ``offences``."""
    name = definition.name
    if offence := name_offence(name):
        offences.add("name", f"TaskDef name {offence}", name)
    for option in unsupported(definition):
        offences.add(option, f"{option} of task definition {name} is not supported")
    if definition.retry_logic not in (None, _FIXED):
        offences.add(
            "retryLogic",
            f"retryLogic {definition.retry_logic} of task definition {name} is not supported; "
            f"{_FIXED} is",
            definition.retry_logic,
        )
    return TaskRule(
        timeout_seconds=_within(definition, "timeout_seconds", 0, offences),
        timeout_policy=_POLICIES[definition.timeout_policy or "TIME_OUT_WF"],
        retries=_within(definition, "retry_count", DEFAULT.retries, offences, COUNT_MAX),
        retry_delay_seconds=_within(
            definition, "retry_delay_seconds", DEFAULT.retry_delay_seconds, offences
        ),
        # Nobody could have a job for no time at all.
        response_timeout_seconds=_within(
            definition, "response_timeout_seconds", DEFAULT.response_timeout_seconds, offences
        )
        or DEFAULT.response_timeout_seconds,
    )


def _within(
    definition: TaskDef, field: str, default: int, offences: Offences, most: int = SECONDS_MAX
) -> int:
    given: int | None = getattr(definition, field)
    if given is None:
        return default
    if 0 <= given <= most:
        return given
    option = to_camel(field)
    offences.add(option, f"{option} of task definition {definition.name} is out of range", given)
    return default
