"""Request bodies and query parameters: how they are read, and how refused."""

from typing import Annotated, Any, Final, Literal, TypeVar, cast
from urllib.parse import parse_qs

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from signoff_gateway.dialects.orkes.answers import BadRequest, Invalid
from signoff_gateway.exchange import Call
from signoff_schemas.limits import INT32_MAX, INT64_MAX, NAME_MAX, unstorable

JsonObject = dict[str, object]

ERRORS_SHOWN_MAX: Final = 20
ITEMS_MAX: Final = 1000
"""Entries of a list in a request."""
_MISSING: Final = "Required request body is missing"
_UNREADABLE: Final = "JSON parse error: the body is no JSON, or none that can be kept: {offence}"
_NO_OBJECT: Final = frozenset({"dict_type", "model_type", "model_attributes_type"})
_SECRETS: Final = frozenset({"password", "keySecret"})
"""Members whose values no answer tells."""
_FLAGS: Final = {"true": True, "false": False}


class Body(BaseModel):
    """A request body, or a part of one: camelCase; what is not known is ignored."""

    model_config = ConfigDict(
        extra="ignore", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


M = TypeVar("M", bound=Body)


def _none_is_empty(value: object) -> object:
    if isinstance(value, list):
        return [each for each in cast("list[object]", value) if each is not None and each != ""]
    return [] if value is None else value


def enum_text(*values: str | None) -> BeforeValidator:
    """Accepts these values only."""

    def check(value: object) -> object:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(filter(None, values))}")
        return value

    return BeforeValidator(check, json_schema_input_type=Literal[values])


Name = Annotated[str, Field(max_length=NAME_MAX)]
"""Of what can be searched for."""
RequiredName = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Int32 = Annotated[int, Field(ge=-INT32_MAX - 1, le=INT32_MAX)]
Int64 = Annotated[int, Field(ge=-INT64_MAX - 1, le=INT64_MAX)]

_Nothing = Literal[""] | None


def some(item: Any) -> BeforeValidator:
    """For lists that clients send as null, or with empty entries in them."""
    return BeforeValidator(_none_is_empty, json_schema_input_type=list[item | _Nothing] | None)


Names = Annotated[list[Name], Field(max_length=ITEMS_MAX), some(Name)]


class Query:
    """The query parameters of a request; one that is empty counts as left out."""

    def __init__(self, text: bytes) -> None:
        self._values = parse_qs(text.decode("latin-1")) if text else {}

    def text(self, name: str, default: str = "") -> str:
        """A text. Raises: BadRequest if it cannot be stored."""
        given = self._values.get(name)
        if given is None:
            return default
        value = given[-1]
        if offence := unstorable(value):
            raise BadRequest(f"The value of '{name}' is {offence}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a parameter that may come several times. Raises: BadRequest."""
        for value in self._values.get(name, ()):
            if offence := unstorable(value):
                raise BadRequest(f"The value of '{name}' is {offence}")
        return tuple(self._values.get(name, ()))

    def required(self, name: str) -> str:
        """A text that must be there. Raises: BadRequest."""
        value = self.text(name)
        if not value:
            raise BadRequest(f"Required parameter '{name}' is not present.")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """``true`` or ``false``. Raises: BadRequest."""
        value = self.text(name)
        found = _FLAGS.get(value.casefold(), None if value else default)
        if found is None:
            raise _no_such_value(name, value)
        return found

    def number(self, name: str) -> int | None:
        """A whole number of 32 bits; None if it is left out. Raises: BadRequest."""
        value = self.text(name)
        return int32(name, value) if value else None

    def numbers(self, name: str) -> tuple[int, ...]:
        """All values of a parameter that may come several times. Raises: BadRequest."""
        return tuple(int32(name, each) for each in self._values.get(name, ()))


def query_of(call: Call) -> Query:
    """The query parameters of a request."""
    return Query(call.query)


def int32(name: str, text: str) -> int:
    """A whole number of 32 bits, in a path or a query. Raises: BadRequest."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(text) > 11:
        raise _no_such_value(name, text)
    value = int(text)
    if not -INT32_MAX - 1 <= value <= INT32_MAX:
        raise _no_such_value(name, text)
    return value


def read(model: type[M], body: bytes) -> M:
    """A required body. Raises: BadRequest."""
    try:
        return model.model_validate(_content(body), strict=True)
    except ValidationError as error:
        raise _refusal(error) from None


def read_many(model: type[M], body: bytes) -> list[M]:
    """A required body that is a list. Raises: BadRequest."""
    # A type made of a value: right for pydantic, unknown to type checkers.
    items: Any = list.__class_getitem__(model)
    return cast("list[M]", read_as(items, body))


def read_as(kind: Any, body: bytes) -> object:
    """A required body of any type that pydantic knows. Raises: BadRequest."""
    content = _content(body)
    if isinstance(content, list) and len(cast("list[object]", content)) > ITEMS_MAX:
        raise BadRequest(f"The body has more than {ITEMS_MAX} entries")
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise _refusal(error) from None


def read_object(body: bytes) -> JsonObject:
    """A JSON object of any members; nothing counts as an empty one. Raises: BadRequest."""
    if not body.strip():
        return {}
    content = _content(body)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadRequest("The body must be a JSON object")
    return cast("JsonObject", content)


def _content(body: bytes) -> object:
    if not body.strip():
        raise BadRequest(_MISSING)
    try:
        content: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(_UNREADABLE.format(offence=error.msg)) from None
    if offence := unstorable(content):
        raise BadRequest(_UNREADABLE.format(offence=offence))
    return content


def _refusal(error: ValidationError) -> BadRequest:
    found = error.errors(include_url=False, include_context=False)[:ERRORS_SHOWN_MAX]
    return Invalid(
        *(
            (
                ".".join(map(str, each["loc"])) or "body",
                message_of(each),
                None if _SECRETS.intersection(each["loc"]) else each["input"],
            )
            for each in found
        )
    )


def message_of(error: ErrorDetails) -> str:
    """What is wrong with a value, without the name that its type has here."""
    if error["type"] in _NO_OBJECT:
        return "must be a JSON object"
    return error["msg"].removeprefix("Value error, ")


def _no_such_value(name: str, value: str) -> BadRequest:
    return BadRequest(f"Failed to convert '{name}' with value: '{value[:100]}'")
