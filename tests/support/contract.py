"""Holds what goes over the wire against the document that describes it."""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import httpx
import orjson
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from signoff_gateway.exchange import Dialect
from signoff_gateway.openapi.document import document_of
from signoff_gateway.refusals import MethodNotAllowed, RouteUnknown
from signoff_gateway.routing import Router

Schema = dict[str, Any]


def _in_any_case(
    _: object, names: list[str], given: object, __: object
) -> Iterator[ValidationError]:
    if str(given).casefold() not in [str(each).casefold() for each in names]:
        yield ValidationError(f"{given!r} is not one of {names}")


Lenient: Any = validators.extend(Draft202012Validator, {"enum": _in_any_case})
"""For requests, which may write the names of enumerations as they like."""


class Undocumented(AssertionError):
    """Something on the wire is not what the document says."""


class Contract:
    """The document of some dialects; what it does not name must not be there."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.document = document_of(dialects)  # type: ignore[arg-type]
        self.seen: set[tuple[str, str, int]] = set()
        self._router = Router(dialects)
        self._paths = {_nameless(path): item for path, item in self.document["paths"].items()}
        self._components = self.document["components"]
        self._closed = _closed(self._components)
        self._validators: dict[tuple[str, ...], Draft202012Validator] = {}

    async def check(self, response: httpx.Response) -> None:
        """Of a known route: the answer, and the request if it was to be accepted."""
        request = response.request
        method, path = request.method, request.url.raw_path.partition(b"?")[0].decode()
        try:
            template = self._router.find(method, path)[0].route.template
        except (RouteUnknown, MethodNotAllowed):
            return
        await response.aread()
        where = (method, template)
        if method == "HEAD":  # what GET has, but for the body
            return
        operation = self._paths[_nameless(template)][method.lower()]
        self.check_answer(where, operation, response)
        self.seen.add((*where, response.status_code))
        sent: bytes = getattr(request, "_content", b"")  # none of it, if it came in chunks
        if response.is_success and sent:
            self._check_request(where, operation, request, sent)

    def check_answer(
        self, where: tuple[str, str], operation: Schema, response: httpx.Response
    ) -> None:
        """Status, media type and body."""
        status = str(response.status_code)
        answer = operation["responses"].get(status)
        if answer is None:
            raise Undocumented(f"{where}: status {status}")
        if "$ref" in answer:
            answer = self._components["responses"][answer["$ref"].rpartition("/")[2]]
        contents = answer.get("content")
        if contents is None:
            if response.content:
                raise Undocumented(f"{where}: a body with {status}")
            return
        media = response.headers["content-type"].partition(";")[0]
        if media not in contents:
            raise Undocumented(f"{where}: {media} with {status}")
        body = response.json() if media.endswith("json") else response.text
        self._check((*where, status, media), contents[media]["schema"], body, self._closed)

    def check_entity(self, name: str, entity: object) -> None:
        """An entity as a schema of this name says."""
        schema = {"$ref": f"#/components/schemas/{name}"}
        self._check((name,), schema, json.loads(orjson.dumps(entity)), self._closed)

    def _check_request(
        self, where: tuple[str, str], operation: Schema, request: httpx.Request, sent: bytes
    ) -> None:
        media = request.headers.get("content-type", "application/json").partition(";")[0]
        if media != "application/json":
            return
        body = json.loads(sent)
        if "requestBody" not in operation:
            raise Undocumented(f"{where}: a request body, {body}")
        if body is not None:
            schema = operation["requestBody"]["content"][media]["schema"]
            self._check((*where, "request"), schema, body, self._components)

    def _check(self, key: tuple[str, ...], schema: Schema, body: Any, parts: Schema) -> None:
        validator = self._validators.get(key)
        if validator is None:
            whole = {**schema, "components": parts}
            kind = Lenient if parts is self._components else Draft202012Validator
            validator = kind(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
            self._validators[key] = validator
        errors: list[ValidationError] = list(validator.iter_errors(body))
        if errors:
            error = best_match(errors)
            at = "/".join(map(str, error.absolute_path))
            raise Undocumented(f"{key}: at /{at}: {error.message[:500]}")


def _nameless(template: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in template.split("/"))


def _closed(components: Schema) -> Schema:
    """The same components, in which objects have no members beyond those that are named."""
    closed = deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
