"""The OpenAPI document of all dialects, made from their routes and models."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Literal, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from signoff_gateway.exchange import BodyKind, Place, Route
from signoff_gateway.openapi.operations import Content, Described, Description, Operation

JsonObject = dict[str, Any]

VERSION: Final = "3.1.0"
_API_VERSION: Final = "1"
_TEXT: Final = {"type": "string"}
_PARAMETER: Final = re.compile(r"\{\w+\}")
_SCHEMAS: Final = "#/components/schemas/"
_RESPONSES: Final = "#/components/responses/"
_MODE: Final = "validation"
_TITLE: Final = "Signoff"
_ABOUT: Final = (
    "A human-task engine behind two dialects of HTTP: the user tasks of Camunda 8 and the human "
    "tasks of Conductor. A task is the same task in both."
)
_SECURITY: Final[Mapping[str, JsonObject]] = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "token": {"type": "apiKey", "in": "header", "name": "X-Authorization"},
}
_IDEMPOTENCY: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request with the same key takes effect once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_Key = tuple[str, str, str]
_Schemas = Mapping[_Key, JsonObject]


def document_of(dialects: Iterable[Described]) -> JsonObject:
    """The whole document. Every route must have an operation, and every operation a route."""
    paths = _Paths()
    schemas: JsonObject = {}
    responses: JsonObject = {}
    tags: dict[str, JsonObject] = {}
    for dialect in dialects:
        writer = _Writer(dialect.description)
        for route in dialect.routes:
            template, item = paths.of(route)
            item[route.method.lower()] = writer.operation(route, template)
        schemas |= writer.definitions
        responses |= writer.refusals
        tags |= {name: {"name": name} for name in writer.tags}
    return {
        "openapi": VERSION,
        "info": {"title": _TITLE, "version": _API_VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [*({name: []} for name in _SECURITY), {}],
        "tags": list(tags.values()),
        "paths": paths.items,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": dict(_SECURITY),
        },
    }


class _Paths:
    """Paths that differ only in the names of their parameters are one path of the document."""

    def __init__(self) -> None:
        self.items: dict[str, JsonObject] = {}
        self._templates: dict[str, str] = {}

    def of(self, route: Route) -> tuple[str, JsonObject]:
        """The template of a route's path, as it came first, and what is there."""
        template = self._templates.setdefault(_PARAMETER.sub("{}", route.template), route.template)
        return template, self.items.setdefault(template, {})


class _Untitled(GenerateJsonSchema):
    """Schemas without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


class _Writer:
    """One dialect's part of the document."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self.definitions: JsonObject = {}
        self._schemas = self._generated()
        self.refusals: JsonObject = {}
        self.tags: dict[str, None] = {}

    def operation(self, route: Route, template: str) -> JsonObject:
        """What the document says of a route, under its path's template."""
        said = self._description.operations[route.method, route.template]
        tag = f"{self._description.name}: {said.tag}"
        self.tags[tag] = None
        written: JsonObject = {
            "tags": [tag],
            "summary": said.summary,
            "operationId": _identifier(route),
        }
        if remark := _remark(route):
            written["description"] = remark
        if parameters := list(self._parameters(route, said, template)):
            written["parameters"] = parameters
        if said.request is not None:
            content = self._content(route, said.request, "request")
            written["requestBody"] = {"required": said.required, "content": content}
        written["responses"] = self._responses(route, said)
        if route.public:
            written["security"] = [{}]
        return written

    def _parameters(self, route: Route, said: Operation, template: str) -> Iterable[JsonObject]:
        for name, ours in zip(_names(template), _names(route.template), strict=True):
            schema = self._schemas.get(("path", ours, ""), _TEXT)
            remark = {} if ours == name else {"description": ours}
            yield {"name": name, "in": "path", "required": True, **remark, "schema": schema}
        for each in said.query:
            schema = self._schemas[(*_id(route), each.name)]
            required = {"required": True} if each.required else {}
            yield {"name": each.name, "in": "query", **required, "schema": schema}
        if route.place is not Place.NONE:
            yield _IDEMPOTENCY

    def _responses(self, route: Route, said: Operation) -> JsonObject:
        found: JsonObject = {}
        for status, content in said.answers.items():
            found[str(status)] = {"description": HTTPStatus(status).phrase}
            if content is not None:
                found[str(status)]["content"] = self._content(route, content, str(status))
        for status in sorted({*_refusals(route), *said.refusals}):
            found[str(status)] = {"$ref": _RESPONSES + self._refusal(status)}
        return found

    def _refusal(self, status: int) -> str:
        """The name of the response, which is there from now on."""
        name = f"{self._description.prefix}.{status}"
        content = self._description.refusals.get(status, self._description.refusal)
        schema = self._schemas["refusal", str(status), ""]
        self.refusals[name] = {
            "description": HTTPStatus(status).phrase,
            "content": {media: {"schema": schema} for media in content.media},
        }
        return name

    def _content(self, route: Route, content: Content, name: str) -> JsonObject:
        schema = self._schemas.get((*_id(route), name)) or self._given(content.type)
        return {media: {"schema": schema} for media in content.media}

    def _given(self, schema: Mapping[str, Any]) -> JsonObject:
        """A reference to a schema that is no type's; its title is its name."""
        name = f"{self._description.prefix}.{schema['title']}"
        self.definitions[name] = schema
        return {"$ref": _SCHEMAS + name}

    def _generated(self) -> _Schemas:
        """The schemas of all types of the dialect; what they refer to is in ``definitions``."""
        inputs: list[tuple[_Key, Literal["validation"], TypeAdapter[Any]]] = [
            (key, _MODE, TypeAdapter(type_)) for key, type_ in self._types()
        ]
        prefix = self._description.prefix
        made, rest = TypeAdapter.json_schemas(
            inputs,
            ref_template=f"{_SCHEMAS}{prefix}.{{model}}",
            schema_generator=_Untitled,
        )
        defined = cast("JsonObject", rest.get("$defs", {}))
        self.definitions = {f"{prefix}.{name}": schema for name, schema in defined.items()}
        return {key: schema for (key, _), schema in made.items()}

    def _types(self) -> Iterable[tuple[_Key, Any]]:
        description = self._description
        for name, type_ in description.path.items():
            yield ("path", name, ""), type_
        for status in HTTPStatus:
            refusal = description.refusals.get(status, description.refusal)
            yield ("refusal", str(status.value), ""), refusal.type
        for route, said in description.operations.items():
            for each in said.query:
                yield (*route, each.name), each.type
            contents = {"request": said.request, **{str(k): v for k, v in said.answers.items()}}
            for name, content in contents.items():
                if content is not None and not isinstance(content.type, Mapping):
                    yield (*route, name), content.type


def _id(route: Route) -> tuple[str, str]:
    return route.method, route.template


def _names(template: str) -> Sequence[str]:
    """Of the path parameters."""
    return [name[1:-1] for name in _PARAMETER.findall(template)]


def _identifier(route: Route) -> str:
    parts = route.template.replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join((route.method.lower(), *filter(None, parts)))


def _remark(route: Route) -> str:
    """What the handler's docstring says after the method and the path."""
    given: Any = route.handle
    handle = cast("Any", given.func) if isinstance(given, partial) else given
    first, _, rest = (inspect.getdoc(handle) or "").partition("\n")
    _, _, remark = first.partition(": ")
    return " ".join(f"{remark[:1].upper()}{remark[1:]} {rest}".split())


def _refusals(route: Route) -> set[int]:
    """Statuses that every route of this kind may answer with."""
    found = {500, 503, 504}
    if route.body is not BodyKind.NONE:
        found |= {400, 408, 413, 415}
    if not route.public:
        found |= {400, 401, 403, 429}
    if _names(route.template):
        found |= {404}
    if route.place is not Place.NONE or not route.sheddable:
        found |= {404, 409, 413, 422}
    return found
