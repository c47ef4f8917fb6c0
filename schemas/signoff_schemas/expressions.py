"""Expressions: texts that begin with ``=``, read into a small tree that cannot loop.

The language is the part of FEEL that task models use: literals, lists, paths, arithmetic,
comparisons, ``and``, ``or``, ``not()``, ``string()`` and ``if``. What is outside of it is refused
when a definition is deployed, not when a token arrives. Trees are shallow by construction (chains
are flat, nesting is bounded), so whoever walks one needs no more stack than ``NESTING_MAX`` levels.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from signoff_schemas.frozen import frozen

LENGTH_MAX = 10_000
"""Characters of an expression."""
NESTING_MAX = 25
"""Parentheses, lists and branches inside each other."""
DIGITS_MAX = 34
"""Digits of a number, as in decimal128."""


class ExpressionSyntaxError(ValueError):
    """The text is no expression of this language; the message says where and why."""


@frozen
class Constant:
    """A literal text, number, truth value or null."""

    value: Decimal | str | bool | None


@frozen
class Items:
    """A list."""

    items: tuple["Node", ...]


@frozen
class Variable:
    """A variable by its name."""

    name: str


@frozen
class Path:
    """Properties of a value, one inside the other."""

    base: "Node"
    names: tuple[str, ...]


@frozen
class Negation:
    """A number with its sign turned."""

    operand: "Node"


@frozen
class Arithmetic:
    """Operands of one rank (``+ -`` or ``* /``), worked off from the left."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


@frozen
class Comparison:
    """Two operands and one of ``= != < <= > >=``."""

    operator: str
    left: "Node"
    right: "Node"


@frozen
class Logic:
    """Operands joined by ``and``, or by ``or``."""

    operator: str
    operands: tuple["Node", ...]


@frozen
class Call:
    """One of the functions in ``FUNCTIONS``, each of one argument."""

    function: str
    argument: "Node"


@frozen
class Branch:
    """``if … then … else …``."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


Node = (
    Constant | Items | Variable | Path | Negation | Arithmetic | Comparison | Logic | Call | Branch
)

FUNCTIONS = frozenset({"not", "string"})

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_KEYWORDS = frozenset(
    {*_CONSTANTS, "and", "or", "if", "then", "else", "for", "some", "every", "in", "between"}
)
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r'\\([nrt"\\])')
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|//[^\n]*|/\*(?s:.*?)\*/)+)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<quoted>`[^`]+`)
    |(?P<name>[^\W\d]\w*|\$\w+)
    |(?P<sign><=|>=|!=|[-+*/=<>().,\[\]])""",
    re.VERBOSE,
)


def is_expression(text: str) -> bool:
    """Tell whether the text is evaluated; a lone ``=`` is a text like any other."""
    return len(text) > 1 and text[0] == "="


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Read an expression, with its leading ``=``.

    Raises:
        ExpressionSyntaxError: it cannot be read, is not supported, or is too long or too deep.
    """
    if not is_expression(text):
        raise ExpressionSyntaxError(f"Expected an expression that begins with '=', found '{text}'")
    if len(text) > LENGTH_MAX:
        raise ExpressionSyntaxError(
            f"failed to parse expression: it is longer than {LENGTH_MAX} characters"
        )
    return _Parser(text[1:]).whole()


@frozen
class _Token:
    kind: str
    text: str
    start: int


class _Parser:
    """Recursive descent; one method per rank, the loosest first."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = self._split()
        self._index = 0
        self._depth = 0

    def whole(self) -> Node:
        """Read all of it."""
        node = self._expression()
        if self._here.kind != "end":
            self._fail("the end of the expression")
        return node

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > NESTING_MAX:
            self._refuse(f"it is nested deeper than {NESTING_MAX} levels")
        node = self._branch() if self._took("name", "if") else self._logic("or")
        self._depth -= 1
        return node

    def _branch(self) -> Node:
        condition = self._expression()
        self._expect("name", "then")
        then = self._expression()
        self._expect("name", "else")
        return Branch(condition, then, self._expression())

    def _logic(self, operator: str) -> Node:
        operands = [self._conjunct(operator)]
        while self._took("name", operator):
            operands.append(self._conjunct(operator))
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _conjunct(self, operator: str) -> Node:
        return self._logic("and") if operator == "or" else self._comparison()

    def _comparison(self) -> Node:
        left = self._arithmetic("+-")
        operator = self._here
        if operator.kind != "sign" or operator.text not in _COMPARISONS:
            return left
        self._index += 1
        return Comparison(operator.text, left, self._arithmetic("+-"))

    def _arithmetic(self, operators: str) -> Node:
        first = self._term(operators)
        rest: list[tuple[str, Node]] = []
        while self._here.kind == "sign" and self._here.text in operators:
            operator = self._here.text
            self._index += 1
            rest.append((operator, self._term(operators)))
        return Arithmetic(first, tuple(rest)) if rest else first

    def _term(self, operators: str) -> Node:
        return self._arithmetic("*/") if operators == "+-" else self._signed()

    def _signed(self) -> Node:
        return Negation(self._path()) if self._took("sign", "-") else self._path()

    def _path(self) -> Node:
        base = self._primary()
        names: list[str] = []
        while self._took("sign", "."):
            names.append(self._name())
        return Path(base, tuple(names)) if names else base

    def _primary(self) -> Node:
        token = self._here
        if token.kind == "text":
            self._index += 1
            return Constant(_ESCAPE.sub(_character, token.text[1:-1]))
        if token.kind == "number":
            self._index += 1
            return self._number(token)
        if token.kind == "name" and token.text in _CONSTANTS:
            self._index += 1
            return Constant(_CONSTANTS[token.text])
        if self._took("sign", "("):
            return self._closed(")")
        if self._took("sign", "["):
            return self._items()
        return self._variable_or_call()

    def _variable_or_call(self) -> Node:
        token = self._here
        name = self._name()
        if token.kind == "quoted" or not self._took("sign", "("):
            return Variable(name)
        if name not in FUNCTIONS:
            self._refuse(f"the function '{name}' is not supported")
        return Call(name, self._closed(")"))

    def _items(self) -> Node:
        if self._took("sign", "]"):
            return Items(())
        items = [self._expression()]
        while self._took("sign", ","):
            items.append(self._expression())
        self._expect("sign", "]")
        return Items(tuple(items))

    def _closed(self, sign: str) -> Node:
        node = self._expression()
        self._expect("sign", sign)
        return node

    def _name(self) -> str:
        token = self._here
        if token.kind == "quoted":
            self._index += 1
            return token.text[1:-1]
        if token.kind != "name" or token.text in _KEYWORDS:
            self._fail("a value")
        self._index += 1
        return token.text

    def _number(self, token: _Token) -> Constant:
        if len(token.text) > DIGITS_MAX:
            self._refuse(f"the number '{token.text[:DIGITS_MAX]}…' is too long")
        return Constant(Decimal(token.text))

    @property
    def _here(self) -> _Token:
        return self._tokens[self._index]

    def _took(self, kind: str, text: str) -> bool:
        token = self._here
        if token.kind != kind or token.text != text:
            return False
        self._index += 1
        return True

    def _expect(self, kind: str, text: str) -> None:
        if not self._took(kind, text):
            self._fail(f'"{text}"')

    def _fail(self, expected: str) -> NoReturn:
        start = self._here.start
        line = self._source.count("\n", 0, start) + 1
        column = start - self._source.rfind("\n", 0, start)
        self._refuse(f'Expected {expected}:{line}:{column}, found "{self._source[start:][:10]}"')

    def _refuse(self, reason: str) -> NoReturn:
        raise ExpressionSyntaxError(f"failed to parse expression '{self._source}': {reason}")

    def _split(self) -> list[_Token]:
        tokens: list[_Token] = []
        start = 0
        while start < len(self._source):
            match = _TOKEN.match(self._source, start)
            if match is None:
                break
            kind = str(match.lastgroup)
            if kind != "space":
                tokens.append(_Token(kind, match.group(), start))
            start = match.end()
        # What no token begins with stands where it is, and fails when the parser reaches it.
        tokens.append(_Token("end" if start == len(self._source) else "unknown", "", start))
        return tokens


def _character(match: re.Match[str]) -> str:
    return _ESCAPES[match.group(1)]
