"""The little languages of task searches: ``amount = 5 AND status IN (a, "b c")``, and full text.

Both join their terms with AND and OR, AND first, and with parentheses; ``*`` stands for anything.
"""

import re
from collections.abc import Callable
from typing import Final

from signoff_gateway.dialects.orkes.answers import BadRequest
from signoff_gateway.reads.work import AllOf, AnyOf, FieldMatch, Matching, Word
from signoff_schemas.limits import unstorable_text

LENGTH_MAX: Final = 2000
TERMS_MAX: Final = 50
DEPTH_MAX: Final = 20
PATH_MAX: Final = 100
_TOKEN: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([(),=])|([^\s(),="]+))')
_ESCAPED: Final = re.compile(r"\\(.)")
Token = tuple[str, str]
"""Its kind (``text``, ``word``, or the sign itself) and what it says."""


def field_query(name: str, query: str | None) -> Matching | None:
    """What a query for form data asks for; None if for nothing. Raises: BadRequest."""
    return _parsed(name, query, _Parser.field)


def text_query(name: str, query: str | None) -> Matching | None:
    """What a full-text query asks for; terms without a word between them must all be there.

    Raises: BadRequest.
    """
    return _parsed(name, query, _Parser.term)


class _Parser:
    def __init__(self, tokens: list[Token], leaf: "Callable[[_Parser], Matching]") -> None:
        self._tokens = tokens
        self._at = 0
        self._leaf = leaf
        self._depth = 0
        self._terms = 0

    def whole(self) -> Matching:
        found = self._alternatives()
        if self._kind():
            raise self._unexpected()
        return found

    def field(self) -> Matching:
        path = self._text()
        if self._takes("="):
            return self._match(path, (self._text(),))
        if not self._takes_word("IN"):
            raise self._unexpected()
        self._must("(")
        values = [self._text()]
        while self._takes(","):
            values.append(self._text())
        self._must(")")
        return self._match(path, tuple(values))

    def term(self) -> Matching:
        return Word(self._text())

    def _match(self, path: str, values: tuple[str, ...]) -> FieldMatch:
        self._count(len(values) - 1)
        parts = tuple(path.split("."))
        if len(parts) > PATH_MAX:
            raise ValueError(f"a path of more than {PATH_MAX} parts")
        return FieldMatch(parts, values)

    def _alternatives(self) -> Matching:
        parts = [self._conjunction()]
        while self._takes_word("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _conjunction(self) -> Matching:
        parts = [self._part()]
        while self._takes_word("AND") or (self._leaf is _Parser.term and self._begins_term()):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _part(self) -> Matching:
        if not self._takes("("):
            self._count(1)
            return self._leaf(self)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ValueError(f"more than {DEPTH_MAX} parentheses")
        found = self._alternatives()
        self._must(")")
        self._depth -= 1
        return found

    def _count(self, terms: int) -> None:
        self._terms += terms
        if self._terms > TERMS_MAX:
            raise ValueError(f"more than {TERMS_MAX} terms")

    def _kind(self) -> str:
        """Of the next token; empty at the end."""
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _begins_term(self) -> bool:
        kind = self._kind()
        return kind in {"text", "("} or (kind == "word" and not self._is_word("OR"))

    def _is_word(self, word: str) -> bool:
        return self._kind() == "word" and self._tokens[self._at][1].upper() == word

    def _takes_word(self, word: str) -> bool:
        taken = self._is_word(word)
        self._at += taken
        return taken

    def _takes(self, sign: str) -> bool:
        taken = self._kind() == sign
        self._at += taken
        return taken

    def _must(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._unexpected()

    def _text(self) -> str:
        if self._kind() not in {"text", "word"} or self._is_word("AND") or self._is_word("OR"):
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _unexpected(self) -> ValueError:
        if not self._kind():
            return ValueError("it ends too early")
        return ValueError(f"unexpected '{self._tokens[self._at][1]}'")


def _parsed(name: str, query: str | None, leaf: Callable[[_Parser], Matching]) -> Matching | None:
    if query is None or not query.strip():
        return None
    try:
        return _Parser(_tokens(query), leaf).whole()
    except ValueError as error:
        raise BadRequest(f"The query {name} cannot be read: {error}") from None


def _tokens(query: str) -> list[Token]:
    if offence := unstorable_text(query, LENGTH_MAX):
        raise ValueError(offence)
    query = query.rstrip()
    tokens: list[Token] = []
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            raise ValueError("a quotation mark is missing")
        quoted, sign, word = found.groups()
        if quoted is not None:
            tokens.append(("text", _ESCAPED.sub(r"\1", quoted)))
        else:
            tokens.append((sign, sign) if sign else ("word", word))
        at = found.end()
    return tokens
