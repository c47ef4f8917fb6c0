"""What is asked of form data and of words, as SQL on ``x``, a row of ``read_worklist_texts``."""

from collections.abc import Iterator, Sequence

import orjson

from signoff_gateway.reads.statements import Statement
from signoff_gateway.reads.work import AllOf, AnyOf, FieldMatch, Matching, Word, WorkQuery


def texts_of(statement: Statement, query: WorkQuery) -> Iterator[str]:
    """Every condition on the texts of a task that the query has."""
    if query.input is not None:
        yield _matching(statement, "input", query.input)
    if query.output is not None:
        yield _matching(statement, "output", query.output)
    if query.text is not None and _is_indexed(query.text):
        # As one condition, so that the index looks for the rarest of its words first.
        yield f"x.words @@ ({_words(statement, query.text)})"
    elif query.text is not None:
        yield _matching(statement, "", query.text)


def _matching(statement: Statement, column: str, matching: Matching) -> str:
    match matching:
        case AllOf(parts):
            return " AND ".join(f"({_matching(statement, column, each)})" for each in parts)
        case AnyOf(parts):
            return either([_matching(statement, column, each) for each in parts])
        case FieldMatch(path, values):
            return either([_field(statement, column, path, each) for each in values])
        case word:
            return _word(statement, word.text)


def _field(statement: Statement, column: str, path: tuple[str, ...], value: str) -> str:
    if "*" in value:
        place = statement.bind(list(path), "text[]")
        return f"x.{column} #>> {place} LIKE {statement.bind(like(value), 'text')}"
    return either(
        [
            f"x.{column} @> {statement.bind(_nested(path, each), 'jsonb')}"
            for each in _printed_as(value)
        ]
    )


def _printed_as(text: str) -> list[object]:
    """The JSON values that are printed so."""
    found: list[object] = [text]
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return found
    return [*found, value] if isinstance(value, int | float | bool) else found


def _nested(path: tuple[str, ...], value: object) -> str:
    for name in reversed(path):
        value = {name: value}
    return orjson.dumps(value).decode()


def _is_indexed(matching: Matching) -> bool:
    """Whether the index of words knows all that is asked for: words, and beginnings of words."""
    match matching:
        case AllOf(parts) | AnyOf(parts):
            return all(map(_is_indexed, parts))
        case Word(text):
            return "*" not in text[:-1] and text != "*"
        case _:
            return False


def _words(statement: Statement, matching: Matching) -> str:
    """A tsquery."""
    match matching:
        case AllOf(parts):
            return " && ".join(f"({_words(statement, each)})" for each in parts)
        case AnyOf(parts):
            return " || ".join(f"({_words(statement, each)})" for each in parts)
        case Word(text) if text.endswith("*"):
            quoted = text[:-1].replace("\\", "\\\\").replace("'", "''")
            prefix = statement.bind(f"'{quoted}':*", "text")
            return f"to_tsquery('simple', {prefix})"
        case Word(text):
            return f"phraseto_tsquery('simple', {statement.bind(text, 'text')})"
        case _:
            raise TypeError("words are not looked for in members")


def _word(statement: Statement, text: str) -> str:
    word = Word(text)
    if _is_indexed(word):
        return f"x.words @@ {_words(statement, word)}"
    if not text.strip("*"):
        return "true"
    pattern = statement.bind(like(text.lower()), "text")
    return f"EXISTS (SELECT FROM unnest(x.words) AS word WHERE word.lexeme LIKE {pattern})"


def like(wildcards: str) -> str:
    """``*`` as SQL spells it; all else stands for itself."""
    for special in "\\%_":
        wildcards = wildcards.replace(special, f"\\{special}")
    return wildcards.replace("*", "%")


def either(parts: Sequence[str]) -> str:
    """One of them holds."""
    return parts[0] if len(parts) == 1 else f"({' OR '.join(f'({each})' for each in parts)})"
