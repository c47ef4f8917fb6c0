"""Bodies that hold definitions: read, compiled, or refused with all that is wrong in them."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar, cast

import orjson
from pydantic import ValidationError

from signoff_gateway.dialects.orkes.answers import BadRequest, Invalid
from signoff_gateway.dialects.orkes.compiler import compile_definition
from signoff_gateway.dialects.orkes.definitions import Json, Part, TaskDef, WorkflowDef
from signoff_gateway.dialects.orkes.offences import DefinitionRefused, Offence, Offences
from signoff_gateway.dialects.orkes.rules import rule_of
from signoff_gateway.dialects.orkes.validation import ERRORS_SHOWN_MAX, message_of, read_as
from signoff_schemas.commands import Deploy, Resource
from signoff_schemas.documents import RULES, PutDocument

DEFINITIONS_MAX: Final = 100
"""Of one request."""
_ENDING: Final = ".json"
_NOT_KEPT: Final = frozenset(
    ("createTime", "createdBy", "updateTime", "updatedBy", "overwriteTags", "tags")
)
"""Members that the server knows better, and those that are no part of a definition."""

P = TypeVar("P", bound=Part)
MESSAGE_MAX: Final = 2000


class DefinitionInvalid(Invalid):
    """A definition is refused: the message names the reasons too, as many clients show no more."""

    def __init__(self, *errors: tuple[str, str, object]) -> None:
        super().__init__(*errors)
        self.args = ("; ".join(message for _, message, _ in errors)[:MESSAGE_MAX],)


def read_workflows(body: bytes, *, overwrite: bool) -> Deploy:
    """One workflow definition or a list of them, compiled. Raises: BadRequest."""
    given = _objects(body)
    resources = tuple(_resource(each) for each in given)
    named = {(graph.process_id, graph.version) for each in resources for graph in each.processes}
    if len(named) < len(resources):
        raise BadRequest("A workflow definition is there twice")
    return Deploy(resources=resources, overwrite=overwrite)


def read_rules(body: bytes) -> Sequence[PutDocument]:
    """One task definition or a list of them. Raises: BadRequest."""
    return [_rule(each) for each in _objects(body)]


def _objects(body: bytes) -> list[Json]:
    content = read_as(Any, body)
    given = cast("list[object]", content if isinstance(content, list) else [content])
    if not given or len(given) > DEFINITIONS_MAX:
        raise BadRequest(f"The body must hold 1 to {DEFINITIONS_MAX} definitions")
    if not all(isinstance(each, dict) for each in given):
        raise BadRequest("A definition must be a JSON object")
    return cast("list[Json]", given)


def _resource(given: Json) -> Resource:
    kept = {name: each for name, each in given.items() if name not in _NOT_KEPT}
    content = orjson.dumps(kept)
    try:
        graph = compile_definition(validated(WorkflowDef, given))
    except DefinitionRefused as error:
        raise _invalid(error.offences) from None
    return Resource(
        name=f"{graph.process_id}{_ENDING}",
        digest=sha256(content).hexdigest(),
        processes=(graph,),
        content=content.decode(),
    )


def _rule(given: Json) -> PutDocument:
    definition = validated(TaskDef, given)
    offences = Offences()
    rule = rule_of(definition, offences)
    if offences.found:
        raise _invalid(offences.found)
    return PutDocument(
        kind=RULES,
        id=definition.name or "",
        content={name: each for name, each in given.items() if name not in _NOT_KEPT},
        rule=rule,
    )


def validated(model: type[P], given: Json) -> P:
    """A definition by its model, not compiled. Raises: Invalid."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[:ERRORS_SHOWN_MAX]
        raise DefinitionInvalid(
            *(
                (
                    path := ".".join(map(str, each["loc"])),
                    f"{path}: {message_of(each)}",
                    each["input"],
                )
                for each in found
            )
        ) from None


def _invalid(offences: Sequence[Offence]) -> Invalid:
    return DefinitionInvalid(*((each.path, each.message, each.value) for each in offences))
