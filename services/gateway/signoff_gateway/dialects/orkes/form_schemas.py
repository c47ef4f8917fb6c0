"""JSON Schema for forms: drafts 4 to 2020-12, within one document and a bounded time.

Schemas come from users, so none may hang us: whatever takes too long is refused, patterns included.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, cast

import orjson
import regex
from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    ValidationError,
    validators,
)
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import SchemaRegistry, specification_with

Schema = Mapping[str, Any]
Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

DATA_SECONDS: Final = 0.25
"""Processor time that checking one form's data may take."""
SCHEMA_SECONDS: Final = 0.5
SCHEMA_BYTES_MAX: Final = 128 * 1024
PATTERN_LENGTH_MAX: Final = 1000
REFERENCES_MAX: Final = 1000
_DRAFTS: Final = (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
_WITHOUT_SCHEMAS: Final = frozenset({"enum", "const", "default", "examples"})
_REFERENCES: Final = ("$ref", "$recursiveRef")
_REFUSED: Final = ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef")
"""What would take exponential time beside references, in one go that no limit interrupts."""
_WHOLE_ONLY: Final = (
    "required",
    "dependentRequired",
    "dependencies",
    "minProperties",
    "not",
    "if",
)
"""What only the whole data can fulfil: not asked of what is saved on the way."""
_ends_at: ContextVar[float] = ContextVar("_ends_at")


class SchemaError(ValueError):
    """A schema is none, or none that we apply; the text says why."""


class TooSlow(ValueError):
    """A check took longer than it may."""


def check_schema(schema: Schema) -> None:
    """Raises: SchemaError."""
    if len(orjson.dumps(schema)) > SCHEMA_BYTES_MAX:
        raise SchemaError(f"it is larger than {SCHEMA_BYTES_MAX} bytes")
    draft = _draft_of(schema)
    meta = _limited(draft, whole=True)(draft.META_SCHEMA)
    try:
        with _within(SCHEMA_SECONDS):
            error = next(iter(meta.iter_errors(schema)), None)
            if error is not None:
                raise SchemaError(f"{_place(error.absolute_path)}: {_short(error.message)}")
            _check_members(schema)
    except (TooSlow, RecursionError):
        raise SchemaError("it is too large to be checked") from None


def errors_of(schema: Schema, data: Mapping[str, object], *, whole: bool) -> list[ValidationError]:
    """What is wrong with a form's data; ``whole`` False: so far.

    Raises: TooSlow; SchemaError if the schema cannot be applied at all.
    """
    # An empty registry: a reference to anything else than the schema itself leads nowhere.
    registry: SchemaRegistry = Registry()
    validator = _limited(_draft_of(schema), whole=whole)(schema, registry=registry)
    try:
        with _within(DATA_SECONDS):
            return list(validator.iter_errors(cast("Any", data)))
    except RecursionError:
        raise SchemaError("it refers to itself without an end") from None
    except Unresolvable as error:
        raise SchemaError(f"it refers to what is not there: {_short(str(error))}") from None


def _draft_of(schema: Schema) -> type[Validator]:
    if "$schema" not in schema:
        return Draft7Validator
    named = schema["$schema"]
    # Only what is no draft gives the default.
    unknown: Any = None
    found = (
        validators.validator_for({"$schema": named}, unknown) if isinstance(named, str) else None
    )
    if found not in _DRAFTS:
        raise SchemaError(f"$schema: unknown: {_short(str(named))}")
    return cast("type[Validator]", found)


def _check_members(schema: Schema) -> None:
    """References and patterns of a schema and all schemas within. Raises: SchemaError, TooSlow."""
    lookup = _lookup(schema)
    references = 0
    for name, value in _members(schema):
        _time_left()
        if name in _REFUSED:
            raise SchemaError(f"{name}: is not supported")
        if name in _REFERENCES and isinstance(value, str):
            references += 1
            if references > REFERENCES_MAX:
                raise SchemaError(f"{name}: more than {REFERENCES_MAX} references")
            _check_reference(name, value, lookup)
        elif name == "pattern" and isinstance(value, str):
            _check_pattern(value)
        elif name == "patternProperties" and isinstance(value, Mapping):
            for pattern in cast("Mapping[str, object]", value):
                _check_pattern(pattern)


def _check_reference(name: str, value: str, lookup: Callable[[str], object]) -> None:
    if not value.startswith("#"):
        raise SchemaError(f"{name}: only references within the schema are followed")
    try:
        lookup(value)
    except Unresolvable:
        raise SchemaError(f"{name}: leads nowhere: {_short(value)}") from None


def _lookup(root: Schema) -> Callable[[str], object]:
    draft = _draft_of(root)
    specification = specification_with(str(draft.META_SCHEMA.get("$schema", "")))
    registry: SchemaRegistry = Registry()
    resource = specification.create_resource(root)
    # Crawled here, or each reference that is a name would crawl the whole schema.
    crawled = registry.with_resource("", resource).crawl()
    lookup: Callable[[str], object] = crawled.resolver().lookup
    return lookup


def _members(value: object) -> Iterator[tuple[str, object]]:
    """All members of a schema and of all objects in it."""
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            yield name, inner
            if name not in _WITHOUT_SCHEMAS:
                yield from _members(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _members(inner)


def _check_pattern(pattern: str) -> None:
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise SchemaError(f"pattern: longer than {PATTERN_LENGTH_MAX} characters")
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise SchemaError(f"pattern: {error}: {_short(pattern)}") from None


@cache
def _limited(draft: type[Validator], *, whole: bool) -> type[Validator]:
    """The draft's rules, each under the time limit."""
    rules = {**cast("Mapping[str, Keyword]", draft.VALIDATORS), **_OWN}
    if not whole:
        rules["oneOf"] = rules["anyOf"]
        rules |= dict.fromkeys(_WHOLE_ONLY, _nothing)
    limited = {name: _timed(rule) for name, rule in rules.items() if name in draft.VALIDATORS}
    extend = cast("Callable[..., type[Validator]]", validators.extend)  # pyright: ignore[reportUnknownMemberType]
    found: Any = extend(draft, limited)
    found.evolve = _evolve
    return cast("type[Validator]", found)


def _evolve(validator: Any, *, schema: Any, _resolver: Any = None) -> Any:
    """The same rules for a schema within: a ``$schema`` there would bring rules without limits."""
    return type(validator)(
        schema,
        registry=validator._registry,  # noqa: SLF001
        _resolver=_resolver or validator._resolver,  # noqa: SLF001
    )


def _timed(rule: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
        _time_left()
        return rule(validator, value, instance, schema) or ()

    return check


@contextmanager
def _within(seconds: float) -> Generator[None]:
    token = _ends_at.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def _time_left() -> float:
    left = _ends_at.get() - time.thread_time()
    if left <= 0:
        raise TooSlow
    return left


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=_time_left()) is not None
    except TimeoutError:
        raise TooSlow from None


def _nothing(*_: object) -> Iterable[ValidationError]:
    return ()


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Schema, instance: Any, _: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, schema in patterns.items():
            for name, value in cast("dict[str, object]", instance).items():
                if _matches(pattern, name):
                    yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: object, instance: Any, schema: Schema
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict) or allowed is True:
        return
    named: Schema = schema.get("properties", {})
    patterns: Schema = schema.get("patternProperties", {})
    for name, value in cast("dict[str, object]", instance).items():
        if name in named or any(_matches(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError("is not a property of the form", path=[name])
        else:
            yield from validator.descend(value, allowed, path=name)


def _unique_items(_: Any, unique: object, instance: Any, __: Any) -> Iterator[ValidationError]:
    if unique and isinstance(instance, list):
        items = cast("list[object]", instance)
        seen = {orjson.dumps(_canonical(each), option=orjson.OPT_SORT_KEYS) for each in items}
        if len(seen) != len(items):
            yield ValidationError("has items that are the same")


def _canonical(value: object) -> object:
    """Numbers that are the same are written the same."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {name: _canonical(inner) for name, inner in members.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in cast("list[object]", value)]
    return value


_OWN: Final[Mapping[str, Keyword]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "unevaluatedProperties": _nothing,
    "unevaluatedItems": _nothing,
}
"""Rules that would take any time for a pattern, or squared time for a list."""


def _place(path: Sequence[str | int] | Iterable[str | int]) -> str:
    return ".".join(map(str, path)) or "schema"


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
