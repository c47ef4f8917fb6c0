"""Filter fields of search requests: what each takes, and which conditions it becomes.

A field's value is a scalar (equality) or an object of operators, all of which must hold; null and
empty lists ask for nothing. What cannot be read raises at once (BadRequest); what can be read but
not be meant is collected, to be told together (InvalidArgument).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, Protocol, cast

from signoff_gateway.dialects.camunda.answers import BadRequest, InvalidArgument
from signoff_gateway.dialects.camunda.search_values import instant_ms, wildcards_match
from signoff_gateway.dialects.camunda.validation import no_key
from signoff_gateway.reads import Condition, Operator, Scalar

Path = tuple[str | int, ...]
_INT64: Final = range(-(1 << 63), 1 << 63)

_EQUALITY: Final = {
    "$eq": Operator.EQ,
    "$neq": Operator.NEQ,
    "$exists": Operator.EXISTS,
    "$in": Operator.IN,
}
_NOT_IN: Final = {"$notIn": Operator.NOT_IN}
_RANGE: Final = {
    "$gt": Operator.GT,
    "$gte": Operator.GTE,
    "$lt": Operator.LT,
    "$lte": Operator.LTE,
}
_LIKE: Final = {"$like": Operator.LIKE}
_SCALAR: Final = {"$eq": Operator.EQ}
_OF_LISTS: Final = frozenset({Operator.IN, Operator.NOT_IN})


def refuse(path: Path) -> NoReturn:
    """Raise BadRequest for what cannot be read at a path of the body."""
    shown = ".".join(part for part in path if isinstance(part, str))
    raise BadRequest(f"Request property [{shown}] cannot be parsed")


def unexpected(name: str, given: object, allowed: Iterable[str]) -> NoReturn:
    """Raise BadRequest for a value that an enumeration does not have."""
    raise BadRequest(
        f"Unexpected value '{given}' for enum field '{name}'."
        f" Use any of the following values: [{', '.join(allowed)}]"
    )


@dataclass(slots=True)
class Violations:
    """What is wrong with the meaning of a request."""

    found: list[str] = field(default_factory=list[str])

    def add(self, text: str) -> None:
        """Note one; texts have no full stop."""
        self.found.append(text)

    def check(self) -> None:
        """Raise InvalidArgument with all of them, if there is any."""
        if self.found:
            raise InvalidArgument(". ".join(self.found) + ".")


class FilterField(Protocol):
    """One field of a filter."""

    def conditions(self, path: Path, given: object, violations: Violations) -> Iterator[Condition]:
        """What the field's value asks for; the path ends in the field's name."""
        ...


@dataclass(frozen=True)
class ValueField(ABC):
    """A field whose operators are those of the store, each with values of one kind."""

    field: str
    plain: bool = False
    """Takes a scalar only."""

    def conditions(self, path: Path, given: object, violations: Violations) -> Iterator[Condition]:
        """One condition an operator."""
        operators = None if self.plain else _operators_in(given)
        if operators is not None:
            for name, value in operators.items():
                operator = self.operators().get(name) or refuse((*path, name))
                if value is not None:
                    yield from self._one((*path, name), operator, value, violations)
        else:
            yield from self._one(path, Operator.EQ, given, violations)

    @abstractmethod
    def operators(self) -> Mapping[str, Operator]:
        """The operators that the kind has, by name."""

    @abstractmethod
    def read(self, path: Path, given: object, violations: Violations) -> Scalar:
        """One value of the kind."""

    def _one(
        self, path: Path, operator: Operator, given: object, violations: Violations
    ) -> Iterator[Condition]:
        if operator is Operator.EXISTS:
            yield Condition(self.field, operator, flag(path, given))
        elif operator in _OF_LISTS:
            if values := tuple(
                self.read((*path, index), each, violations)
                for index, each in enumerate(a_list(path, given))
            ):
                # All of one kind, as `read` returns only one.
                yield Condition(self.field, operator, cast("tuple[str, ...]", values))
        else:
            yield Condition(self.field, operator, self.read(path, given, violations))


class TextField(ValueField):
    """A text."""

    def operators(self) -> Mapping[str, Operator]:
        """Equality, lists, patterns."""
        return {**_EQUALITY, **_NOT_IN, **_LIKE}

    def read(self, path: Path, given: object, violations: Violations) -> str:  # noqa: ARG002
        """A text that can be stored, or it could match nothing."""
        return text(path, given)


class KeyField(ValueField):
    """A key: digits in a text, or a number."""

    def operators(self) -> Mapping[str, Operator]:
        """Equality and lists."""
        return {**_EQUALITY, **_NOT_IN}

    def read(self, path: Path, given: object, violations: Violations) -> int:
        """A signed 64-bit number."""
        if isinstance(given, int) and not isinstance(given, bool) and given in _INT64:
            return given
        shown = text(path, given)
        digits = shown.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 25 and int(shown) in _INT64:
            return int(shown)
        violations.add(no_key(_name_in(path), shown))
        return 0


class IntegerField(ValueField):
    """A whole number."""

    def operators(self) -> Mapping[str, Operator]:
        """Equality and ranges."""
        return {**_EQUALITY, **_RANGE}

    def read(self, path: Path, given: object, violations: Violations) -> int:  # noqa: ARG002
        """A signed 64-bit number."""
        if not isinstance(given, int) or isinstance(given, bool) or given not in _INT64:
            refuse(path)
        return given


class InstantField(ValueField):
    """A date-time with an offset; it is compared by the millisecond."""

    def operators(self) -> Mapping[str, Operator]:
        """Equality and ranges."""
        return {**_EQUALITY, **_RANGE}

    def read(self, path: Path, given: object, violations: Violations) -> int:
        """Epoch milliseconds."""
        shown = text(path, given)
        instant = instant_ms(shown)
        if instant is None:
            violations.add(f"Failed to parse date-time: [{shown}]")
            return 0
        return instant


class FlagField(ValueField):
    """True or false."""

    def operators(self) -> Mapping[str, Operator]:
        """None: it is plain."""
        return _SCALAR

    def read(self, path: Path, given: object, violations: Violations) -> bool:  # noqa: ARG002
        """A boolean."""
        return flag(path, given)


@dataclass(frozen=True)
class EnumField:
    """A name of an enumeration, in any letter case, and the stored values that it stands for.

    As the names are few, every operator is worked out here: what is left is a list of values.
    """

    field: str
    names: Mapping[str, tuple[str, ...] | tuple[bool, ...]]
    negated_lists: bool = False
    """Whether it has ``$notIn``."""

    def conditions(
        self,
        path: Path,
        given: object,
        violations: Violations,  # noqa: ARG002
    ) -> Iterator[Condition]:
        """One list of values."""
        matching = self.matching(path, given)
        values = tuple(each for name in sorted(matching) for each in self.names[name])
        # All of one type, as the values of one enumeration are.
        yield Condition(self.field, Operator.IN, cast("tuple[str, ...]", values))

    def matching(self, path: Path, given: object) -> set[str]:
        """The names that a value of the field lets through."""
        operators = _operators_in(given)
        if operators is None:
            return {self._name(path, given)}
        names = set(self.names)
        for operator, value in operators.items():
            if value is not None:
                names &= self._let_through((*path, operator), operator, value)
        return names

    def _let_through(self, path: Path, operator: str, value: object) -> set[str]:
        every = set(self.names)
        match operator:
            case "$eq":
                return {self._name(path, value)}
            case "$neq":
                return every - {self._name(path, value)}
            case "$exists":
                return every if flag(path, value) else set()
            case "$in":
                return {self._name(path, each) for each in a_list(path, value)} or every
            case "$notIn" if self.negated_lists:
                return every - {self._name(path, each) for each in a_list(path, value)}
            case "$like":
                pattern = text(path, value).casefold()
                return {name for name in every if wildcards_match(pattern, name.casefold())}
            case _:
                refuse(path)

    def _name(self, path: Path, given: object) -> str:
        shown = text(path, given)
        for name in self.names:
            if name.casefold() == shown.casefold():
                return name
        unexpected(_name_in(path), shown, self.names)


@dataclass(frozen=True)
class EnumListField:
    """A list of values of an enumeration (or of their operators): the row has one for each.

    ``whole`` names all of them at once.
    """

    field: str
    whole: str
    members: tuple[str, ...]

    def conditions(
        self,
        path: Path,
        given: object,
        violations: Violations,  # noqa: ARG002
    ) -> Iterator[Condition]:
        """One condition an entry."""
        names = {name: (name,) for name in (self.whole, *self.members)}
        for index, each in enumerate(a_list(path, given)):
            matching = EnumField(self.field, names).matching((*path, index), each)
            if matching == {self.whole}:
                yield Condition(self.field, Operator.ALL, self.members)
            else:
                yield Condition(self.field, Operator.IN, tuple(sorted(matching - {self.whole})))


@dataclass(frozen=True)
class TextsField:
    """Texts that must all be in the row's list."""

    field: str

    def conditions(
        self,
        path: Path,
        given: object,
        violations: Violations,  # noqa: ARG002
    ) -> Iterator[Condition]:
        """One condition for all."""
        if values := tuple(text((*path, i), each) for i, each in enumerate(a_list(path, given))):
            yield Condition(self.field, Operator.ALL, values)


@dataclass(frozen=True)
class VariablesField:
    """A list of names and values of variables: what is complete is refused, as not there yet."""

    why: str

    def conditions(self, path: Path, given: object, violations: Violations) -> Iterator[Condition]:
        """None: the refusal says why. A list without entries asks for nothing."""
        entries = a_list(path, given)
        missing = [
            f"Variable {name} must not be null"
            for each in entries
            for name in ("name", "value")
            if (_operators_in(each) or {}).get(name) is None
        ]
        for text_of_one in missing or [self.why] * bool(entries):
            violations.add(text_of_one)
        yield from ()


def text(path: Path, given: object) -> str:
    """A text that a database can hold."""
    if not isinstance(given, str) or "\0" in given:
        refuse(path)
    return given


def a_list(path: Path, given: object) -> list[object]:
    """A list of anything."""
    if not isinstance(given, list):
        refuse(path)
    return cast("list[object]", given)


def flag(path: Path, given: object) -> bool:
    """True or false."""
    if not isinstance(given, bool):
        refuse(path)
    return given


def _operators_in(given: object) -> dict[str, object] | None:
    """The operators that a field's value is made of; None for a plain value."""
    return cast("dict[str, object]", given) if isinstance(given, dict) else None


def _name_in(path: Path) -> str:
    """The field's name: the last part that is neither an operator nor an index."""
    return next(part for part in reversed(path) if isinstance(part, str) and part[:1] != "$")
