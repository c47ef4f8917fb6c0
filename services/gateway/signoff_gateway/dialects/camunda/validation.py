"""Request bodies: how they are read, and in which words they are refused (camunda.md 2.4)."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Final, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument
from signoff_gateway.storable import DEPTH_MAX, is_storable, path_of_nul
from signoff_schemas.ids import DEFAULT_TENANT

TEXT_LENGTH_MAX: Final = 512
"""Characters of a text that an index may hold; much longer ones do not fit into its pages."""
LIST_LENGTH_MAX: Final = 1000
KEY_LENGTH_MAX: Final = 25
KEY_SHOWN_MAX: Final = 100
INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1

_MISSING: Final = "Required request body is missing"
_UNREADABLE: Final = "Failed to read request"


class Body(BaseModel):
    """A request body: camelCase, no unknown properties, no guessing of types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


M = TypeVar("M", bound=Body)
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]
Texts = Annotated[list[Text], Field(max_length=LIST_LENGTH_MAX)]
Int32 = Annotated[int, Field(ge=-INT32_MAX - 1, le=INT32_MAX)]
Int64 = Annotated[int, Field(ge=-INT64_MAX - 1, le=INT64_MAX)]


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(value) > KEY_LENGTH_MAX:
        raise PydanticCustomError("no_key", "{value}", {"value": value[:KEY_SHOWN_MAX]})
    return int(value)


Key = Annotated[Int64, BeforeValidator(_key)]
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

    return BeforeValidator(check)


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
    return not body or (len(body) < 16 and body.strip() in (b"", b"null"))


def check_variables(variables: Mapping[str, object] | None) -> dict[str, object]:
    """Variables that can be stored. Raises: InvalidArgument."""
    if not variables:
        return {}
    for name, value in variables.items():
        if not name or len(name) > TEXT_LENGTH_MAX:
            raise InvalidArgument(
                f"The provided variable name exceeds the limit of {TEXT_LENGTH_MAX} characters"
                if name
                else "No variable name provided."
            )
        if not is_storable(value):
            raise InvalidArgument(
                f"The variable '{name}' cannot be stored: it is nested more than {DEPTH_MAX} levels"
                " deep, or holds a number out of range."
            )
    return dict(variables)


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
        _refuse_nul(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> BadRequest | InvalidArgument:
    first = error.errors(include_url=False, include_input=False)[0]
    match first["type"]:
        case "enum_value":
            return BadRequest(first["msg"])
        case "no_key":
            return InvalidArgument(f"{no_key(_path(first), first['msg'])}.")
        case "json_invalid":
            return BadRequest(_UNREADABLE)
        case "string_too_long" | "too_long":
            return InvalidArgument(_too_long(first))
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


def _refuse_nul(body: bytes) -> None:
    """The escape may be part of an escaped backslash: only the values tell."""
    try:
        content: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(_UNREADABLE) from None
    path = path_of_nul(content)
    if path is not None:
        raise BadRequest(f"Request property [{path}] cannot be parsed")
