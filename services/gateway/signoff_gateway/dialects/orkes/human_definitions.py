"""What a HUMAN task says of itself: read in all its spellings, and made into a policy."""

from collections.abc import Mapping
from typing import Final, cast

from signoff_gateway.dialects.orkes.definitions import Json
from signoff_gateway.dialects.orkes.offences import Offences
from signoff_gateway.dialects.orkes.references import Compiler, Place
from signoff_schemas.frozen import frozen
from signoff_schemas.limits import INT32_MAX
from signoff_schemas.templates import Items, Object, Template, Value
from signoff_schemas.work import Exhaustion, TriggerEvent

DEFINITION: Final = "__humanTaskDefinition"
CREATED_BY: Final = "_createdBy"
ASSIGNMENTS_MAX: Final = 100
TRIGGERS_MAX: Final = 50

_OTHER_SPELLING: Final = "humanTaskDefinition"
_USER_TYPES: Final[Mapping[str, tuple[bool, bool]]] = {
    "CONDUCTOR_USER": (False, False),
    "CONDUCTOR_GROUP": (True, False),
    "EXTERNAL_USER": (False, True),
    "EXTERNAL_GROUP": (True, True),
}
"""User type → whether it is a group, whether it is external."""
_EVENTS: Final[Mapping[str, TriggerEvent]] = {
    "IN_PROGRESS": TriggerEvent.CLAIMED,
    **{each.value: each for each in TriggerEvent if each is not TriggerEvent.CLAIMED},
}
_LATEST: Final = -1
_WITHOUT_A_WORD: Final = (
    "taskToDomain",
    "idempotencyKey",
    "idempotencyStrategy",
    "externalInputPayloadStoragePath",
    "workflowDef",
)
"""Members of a trigger's request that would change what is started."""


@frozen
class HumanDefinition:
    """A HUMAN task's definition."""

    raw: Json
    """As it was written, but always with a list of assignments."""
    policy: Template
    display_name: str
    """Empty if there is none, or if it holds references."""
    title: Template | None
    """The display name with references."""


def take_definition(inputs: Json) -> object:
    """Remove the definition from a task's inputs; None if there is none."""
    other = inputs.pop(_OTHER_SPELLING, None)
    given = inputs.pop(DEFINITION, None)
    return other if given is None else given


def read_definition(given: object, compiler: Compiler, place: Place) -> HumanDefinition:
    """Check a definition and make its policy; mistakes go to the compiler's offences."""
    if given is not None and not isinstance(given, dict):
        compiler.offences.add(place.path, f"{DEFINITION} must be an object", given)
        given = None
    raw = dict(cast("Json", given or {}))
    raw["assignments"] = _assignments(raw, compiler.offences, place)
    raw.pop("assignee", None)
    name = raw.get("displayName")
    reader = _Reader(compiler, place)
    title = compiler.value(name, place) if isinstance(name, str) else None
    is_made = title is not None and not isinstance(title, Value)
    return HumanDefinition(
        raw=raw,
        policy=reader.policy(raw),
        display_name=name if isinstance(name, str) and not is_made else "",
        title=title if is_made else None,
    )


def _assignments(raw: Json, offences: Offences, place: Place) -> list[object]:
    """The chain; a single assignee is a chain of one."""
    given = raw.get("assignments")
    if isinstance(given, list) and (given or "assignee" not in raw):
        chain = cast("list[object]", given)
        if len(chain) <= ASSIGNMENTS_MAX:
            return chain
        offences.add(f"{place.path}.assignments", f"more than {ASSIGNMENTS_MAX} assignments")
        return []
    if given is not None and not isinstance(given, list):
        offences.add(f"{place.path}.assignments", "assignments must be a list", given)
    assignee = raw.get("assignee")
    return [] if assignee is None else [{"assignee": assignee}]


@frozen
class _Reader:
    compiler: Compiler
    place: Place

    def policy(self, raw: Json) -> Template:
        strategy = raw.get("assignmentCompletionStrategy") or Exhaustion.LEAVE_OPEN.value
        if strategy not in list(Exhaustion):
            self._offence(
                "assignmentCompletionStrategy", "must be LEAVE_OPEN or TERMINATE", strategy
            )
        auto_claim = raw.get("autoClaim")
        if not isinstance(auto_claim, bool | None):
            self._offence("autoClaim", "must be true or false", auto_claim)
        chain = cast("list[object]", raw["assignments"])
        members: dict[str, Template] = {
            "assignments": Items(
                items=tuple(
                    self._assignment(each, f"assignments[{index}]")
                    for index, each in enumerate(chain)
                )
            ),
            "exhaustion": Value(value=strategy),
            "auto_claim": Value(value=auto_claim is True),
            "triggers": self._triggers(raw.get("taskTriggers")),
        }
        return Object(members=members)

    def _assignment(self, given: object, path: str) -> Template:
        assignment = self._object(given, path)
        assignee = self._object(assignment.get("assignee"), f"{path}.assignee")
        user_type = assignee.get("userType")
        kinds = _USER_TYPES.get(user_type) if isinstance(user_type, str) else None
        if kinds is None:
            self._offence(
                f"{path}.assignee.userType", f"must be one of {', '.join(_USER_TYPES)}", user_type
            )
            kinds = (False, False)
        user = assignee.get("user")
        if not isinstance(user, str) or not user:
            self._offence(f"{path}.assignee.user", "must be a text", user)
        person: dict[str, Template] = {
            "id": self._value(user, f"{path}.assignee.user"),
            "group": Value(value=kinds[0]),
            "external": Value(value=kinds[1]),
        }
        minutes = self._number(assignment.get("slaMinutes"), f"{path}.slaMinutes")
        return Object(
            members={
                "assignee": Object(members=person),
                "minutes": self._value(minutes, f"{path}.slaMinutes"),
            }
        )

    def _triggers(self, given: object) -> Template:
        if given is None:
            return Items(items=())
        if not isinstance(given, list) or len(cast("list[object]", given)) > TRIGGERS_MAX:
            self._offence("taskTriggers", f"must be a list of at most {TRIGGERS_MAX} triggers")
            return Items(items=())
        triggers = cast("list[object]", given)
        return Items(
            items=tuple(
                self._trigger(each, f"taskTriggers[{index}]") for index, each in enumerate(triggers)
            )
        )

    def _trigger(self, given: object, path: str) -> Template:
        trigger = self._object(given, path)
        kind = trigger.get("triggerType")
        event = _EVENTS.get(kind) if isinstance(kind, str) else None
        if event is None:
            self._offence(f"{path}.triggerType", f"must be one of {', '.join(_EVENTS)}", kind)
        request_path = f"{path}.startWorkflowRequest"
        request = self._object(trigger.get("startWorkflowRequest"), request_path)
        for name in _WITHOUT_A_WORD:
            if request.get(name):
                self._offence(f"{request_path}.{name}", "is not supported")
        process_id = request.get("name")
        if not isinstance(process_id, str) or not process_id:
            self._offence(f"{request_path}.name", "must be a text", process_id)
        version = self._number(request.get("version"), f"{request_path}.version")
        variables = self._object(request.get("input") or {}, f"{request_path}.input")
        return Object(
            members={
                "on": Value(value=None if event is None else event.value),
                "process_id": self._value(process_id, f"{request_path}.name"),
                "version": self._value(version or _LATEST, f"{request_path}.version"),
                "variables": self._value(variables, f"{request_path}.input"),
                "business_id": self._value(
                    request.get("correlationId") or "", f"{request_path}.correlationId"
                ),
            }
        )

    def _number(self, given: object, path: str) -> object:
        """A whole number, also as a text, or a text with a reference to one."""
        if isinstance(given, str):
            if "${" in given:
                return given
            is_number = given.isascii() and given.isdigit() and len(given) < 10
            given = int(given) if is_number else given
        if given is not None and (type(given) is not int or not 0 <= given <= INT32_MAX):
            self._offence(path, "must be a whole number", given)
        return given

    def _object(self, given: object, path: str) -> Json:
        if isinstance(given, dict):
            return cast("Json", given)
        self._offence(path, "must be an object", given)
        return {}

    def _value(self, given: object, path: str) -> Template:
        place = self.place
        return self.compiler.value(
            given, Place(f"{place.path}.{path}", place.task, place.parameter)
        )

    def _offence(self, path: str, message: str, value: object = "") -> None:
        self.compiler.offences.add(
            f"{self.place.path}.{path}", f"{path} of task {self.place.task} {message}", value
        )
