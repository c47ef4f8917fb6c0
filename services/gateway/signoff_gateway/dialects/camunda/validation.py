"""Request bodies: how they are read, and in which words they are refused (camunda.md 2.4)."""

import json
import re
from functools import cache
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument
from signoff_schemas.ids import DEFAULT_TENANT
from signoff_schemas.limits import (
    DEPTH_MAX,
    INT32_MAX,
    INT64_MAX,
    ITEMS_MAX,
    MILLISECONDS_MAX,
    NAME_MAX,
    TEXT_MAX,
    Offence,
    first_offence,
    offence_in,
)

KEY_LENGTH_MAX: Final = 25
KEY_SHOWN_MAX: Final = 100
TAGS_MAX: Final = 10

_MISSING: Final = "Required request body is missing"
_UNREADABLE: Final = "Failed to read request"
_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_\-:.]{0,99}")
_TOO_MANY_TAGS: Final = (
    "The provided number of tags '{count}' is not supported. "
    f"Ensure to not add more than {TAGS_MAX} tags."
)
_BAD_TAG: Final = (
    "The provided tag '{tag}' is not valid. Tags must start with a letter (a-z, A-Z), followed by "
    "alphanumerics, underscores, minuses, colons, or periods. It must not be blank and must be "
    "100 characters or less."
)


class Body(BaseModel):
    """A request body: camelCase, no unknown properties, no guessing of types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


M = TypeVar("M", bound=Body)
Text = Annotated[str, Field(max_length=NAME_MAX)]
LongText = Annotated[str, Field(max_length=TEXT_MAX)]
Texts = Annotated[list[Text], Field(max_length=ITEMS_MAX)]
Int32 = Annotated[int, Field(ge=-INT32_MAX - 1, le=INT32_MAX)]
Int64 = Annotated[int, Field(ge=-INT64_MAX - 1, le=INT64_MAX)]


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(value) > KEY_LENGTH_MAX:
        raise PydanticCustomError("no_key", "{value}", {"value": value[:KEY_SHOWN_MAX]})
    return int(value)


_KeyText = Annotated[str, Field(pattern=r"^-?[0-9]+$", max_length=KEY_LENGTH_MAX)]
Key = Annotated[Int64, BeforeValidator(_key, json_schema_input_type=_KeyText | Int64)]
"""A key: a string of digits, or a number."""


def enum_value(field: str, values: tuple[str, ...]) -> BeforeValidator:
    """Accepts any letter case of ``values`` and gives the canonical one."""
    canonical = {value.upper(): value for value in values}

    def check(value: object) -> object:
        found = canonical.get(value.upper()) if isinstance(value, str) else None
        if found is None:
            raise PydanticCustomError(
                "enum_value",
                "Unexpected value '{value}' for enum field '{field}'. "
                "Use any of the following values: [{values}]",
                {"value": str(value), "field": field, "values": ", ".join(values)},
            )
        return found

    return BeforeValidator(check, json_schema_input_type=Literal[values])


def read(model: type[M], body: bytes) -> M:
    """A required body. Raises: BadRequest, InvalidArgument."""
    if is_missing(body):
        raise BadRequest(_MISSING)
    return _validated(model, body)


def read_optional(model: type[M], body: bytes) -> M:
    """A body that may be left out. Raises: BadRequest, InvalidArgument."""
    return _empty(model) if is_missing(body) else _validated(model, body)


def is_missing(body: bytes) -> bool:
    """Whether there is no body, or one that says so."""
    return not body or (body[:1] in b" \t\r\nn" and body.strip() in (b"", b"null"))


def check_variables(variables: dict[str, object] | None) -> dict[str, object]:
    """Variables that can be stored. Raises: InvalidArgument."""
    if not variables:
        return {}
    if "" in variables:
        raise InvalidArgument("No variable name provided.")
    if offence := offence_in(variables):
        inner = f".{offence.path}" if offence.path else ""
        raise _unstorable(Offence(f"variables{inner}", offence.reason))
    return variables


def check_span(name: str, milliseconds: int | None) -> None:
    """A time that somebody may still see the end of. Raises: InvalidArgument."""
    if milliseconds is not None and abs(milliseconds) > MILLISECONDS_MAX:
        raise InvalidArgument(
            f"The value for {name} is '{milliseconds}' but must be at most {MILLISECONDS_MAX}."
        )


def check_tags(given: list[str] | None) -> tuple[str, ...]:
    """Tags, each once. Raises: InvalidArgument."""
    tags = tuple(dict.fromkeys(given or ()))
    problems = [_BAD_TAG.format(tag=each) for each in tags if not _TAG.fullmatch(each)]
    if len(tags) > TAGS_MAX:
        problems.insert(0, _TOO_MANY_TAGS.format(count=len(tags)))
    sentences(problems)
    return tags


def check_tenant(tenant: str | None, request: str) -> None:
    """There is one tenant. Raises: InvalidArgument."""
    if tenant not in (None, "", DEFAULT_TENANT):
        raise InvalidArgument(
            f"Expected to handle request {request} with tenant identifier '{tenant}', "
            "but multi-tenancy is disabled"
        )


def check_operation_reference(reference: int | None) -> None:
    """A number that callers give for their own records. Raises: InvalidArgument."""
    if reference is not None and reference <= 0:
        raise InvalidArgument(f"The value for operationReference is '{reference}' but must be > 0.")


def sentences(problems: list[str]) -> None:
    """Raises: InvalidArgument, with all problems as sentences, if there are any."""
    if problems:
        raise InvalidArgument(". ".join(problems) + ".")


def no_key(name: str, shown: str) -> str:
    """What is said of a text in place of a key; without full stop."""
    return (
        f"The provided {name} '{shown}' is not a valid key. Expected a numeric value. "
        "Did you pass an entity id instead of an entity key?"
    )


@cache
def _empty(model: type[M]) -> M:
    return model()


def _validated(model: type[M], body: bytes) -> M:
    if b"\\u0000" in body:
        _refuse_unstorable_text(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error, body) from None


def _refusal(error: ValidationError, body: bytes) -> BadRequest | InvalidArgument:
    first = error.errors(include_url=False, include_input=False)[0]
    match first["type"]:
        case "enum_value":
            return BadRequest(first["msg"])
        case "no_key":
            return InvalidArgument(f"{no_key(_path(first), first['msg'])}.")
        case "json_invalid":
            return _unreadable(first["msg"], body)
        case "string_too_long" | "too_long":
            return InvalidArgument(f"{_too_long(first)}.")
        case _:
            path = _path(first)
            return BadRequest(
                f"Request property [{path}] cannot be parsed" if path else _UNREADABLE
            )


def _too_long(error: ErrorDetails) -> str:
    limit = error["ctx"]["max_length"] if "ctx" in error else 0
    unit = "characters" if error["type"] == "string_too_long" else "items"
    return f"The provided {_path(error)} exceeds the limit of {limit} {unit}"


def _path(error: ErrorDetails) -> str:
    return ".".join(part for part in error["loc"] if isinstance(part, str) and part != "[key]")


def _unreadable(why: str, body: bytes) -> BadRequest | InvalidArgument:
    """What the parser takes for no JSON, though some of it is."""
    if "recursion limit" in why:
        return BadRequest(f"{_UNREADABLE}: a nesting of more than {DEPTH_MAX} levels")
    if "number out of range" in why:
        return BadRequest(f"{_UNREADABLE}: a number beyond 64 bit")
    if "hex escape" in why:
        _refuse_unstorable_text(body)
    return BadRequest(_UNREADABLE)


def _refuse_unstorable_text(body: bytes) -> None:
    """An escape may be part of an escaped backslash: only the values tell."""
    try:
        content: object = json.loads(body)
    except (ValueError, RecursionError):
        return
    if offence := first_offence(content):
        raise _unstorable(offence)


def _unstorable(offence: Offence) -> InvalidArgument:
    return InvalidArgument(f"The value of '{offence.path}' cannot be stored: {offence.reason}.")
