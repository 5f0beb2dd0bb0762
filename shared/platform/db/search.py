"""Search for words: as they are written, inside others, in scripts without blanks, and with a typing error.

A search is written as on the web (``flood -bridge "main road"``). PostgreSQL reads it with the text search
configuration ``words`` of the service's schema. Its words are then replaced in two ways. In the exact query, characters
of unspaced scripts become pairs of neighbours, which the function ``grams`` makes of the texts too. In the loose query
each word besides stands for those that resemble it (the function ``near_words``). `shared.platform.db.search_ddl`
makes both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from shared.platform.db import paging

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection, Row, Select

MAX_WORDS: Final = 12
"""Words of a search for which similar ones are looked for; nobody types more."""

SHORTEST_LOOSE: Final = 4
"""Letters; a shorter word stands for itself alone."""

_UNSPACED: Final = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af]+"
)
_TOKEN: Final = re.compile(r"'((?:[^'\\]|''|\\.)*)'(?::\*)?|<[-0-9]+>|[!()&|]")
_PHRASE: Final = re.compile(r"<[-0-9]+>")


_IS_EXACT: Final[ColumnElement[int]] = literal_column("is_exact", Integer)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for: as it was written, and as two queries of which the second finds more."""

    written: str
    exact: str
    loose: str

    @property
    def is_exact(self) -> bool:
        """Whether nothing resembles what is searched, so that both find the same."""
        return self.exact == self.loose


class WordSearch:
    """The word search of one table.

    Args:
        schema: Of the service; its functions and configuration are used.
        words: The words of a row, as a text search vector.
        pairs: The `grams` of a row, as a text search vector.
    """

    def __init__(self, schema: str, words: ColumnElement[Any], pairs: ColumnElement[Any]) -> None:
        self._words = words
        self._pairs = pairs
        self._configuration: ColumnElement[Any] = literal_column(f"'{schema}.words'::regconfig")
        given = func.unnest(bindparam("searched", type_=ARRAY(Text))).table_valued("word")
        searched = given.render_derived(name="searched")
        found = getattr(func, schema).near_words(searched.c.word).table_valued("word")
        similar = found.render_derived(name="similar").lateral("similar")
        self._near = select(searched.c.word, similar.c.word).select_from(searched.join(similar, true()))

    def read(self, connection: Connection, written: str) -> Search:
        """Return what a search means, by the words that were ever written."""
        read = select(cast(func.websearch_to_tsquery(self._configuration, written), Text))
        query = str(connection.execute(read).scalar_one())
        words = sorted(positive_words(query))[:MAX_WORDS]
        near: dict[str, list[str]] = {}
        if words:
            for word, found in connection.execute(self._near, {"searched": words}):
                near.setdefault(word, []).append(found)
        return Search(written, replaced(query, {}), replaced(query, near))

    def finds(self, search: Search) -> ColumnElement[bool]:
        """Whether a row is found, exactly or loosely."""
        return self._matches(search.loose)

    def finds_exactly(self, search: Search) -> ColumnElement[bool]:
        """Whether a row is found as it is written."""
        return self._matches(search.exact)

    def _matches(self, query: str) -> ColumnElement[bool]:
        if not _UNSPACED.search(query):
            return _found_in(self._words, query)
        # No index has both vectors; what the parts for one of them alone ask for, an index of that one finds.
        words, pairs = required(query)
        return and_(
            _found_in(self._words.op("||")(self._pairs), query),
            *([_found_in(self._words, words)] if words else ()),
            *([_found_in(self._pairs, pairs)] if pairs else ()),
        )


def ranked_page(
    connection: Connection,
    exact: Select[Any],
    loose: Select[Any] | None,
    order: paging.Order,
    page: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a page of what is found exactly, and behind all of it what is found loosely.

    They are two lists, each in its order, so that a page of a frequent word costs what a page of the list costs.

    Args:
        connection: Where to read.
        exact: The rows that are found exactly.
        loose: The others that are found; None where there are none.
        order: Of the list.
        page: ``cursor`` and ``limit``.

    Raises:
        Invalid: The cursor is broken or belongs to another list.
    """
    ranked: paging.Order = ((_IS_EXACT, "desc"), *order)
    limit, is_exact, behind = page["limit"], 1, None
    if page["cursor"] is not None:
        is_exact, *values = paging.decode_cursor(page["cursor"], ranked)
        keys = (column.key for column, _ in order)
        behind = paging.encode_cursor(dict(zip(keys, values, strict=True)), order)
    rows: list[Row[Any]] = []
    if is_exact:
        statement = exact.add_columns(literal(1).label(_IS_EXACT.key))
        rows += connection.execute(paging.keyset(statement, order, behind, limit)).all()
        behind = None
    if loose is not None and len(rows) <= limit:
        statement = loose.add_columns(literal(0).label(_IS_EXACT.key))
        rows += connection.execute(paging.keyset(statement, order, behind, limit)).all()
    return paging.page(rows[: limit + 1], limit, ranked)


def required(query: str) -> tuple[str, str]:
    """The parts of a query of which each must hold: those of words alone, and those of pairs of characters alone."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in _TOKEN.finditer(query):
        text = token[0]
        depth += (text == "(") - (text == ")")
        if depth == 0 and text == "|":
            return "", ""
        if depth == 0 and text == "&":
            parts.append([])
        else:
            parts[-1].append(text)
    kept = [" ".join(part) for part in parts if part and "!" not in part]
    pairs = [part for part in kept if all(_UNSPACED.search(word) for word in re.findall(r"'[^']*'", part))]
    words = [part for part in kept if not _UNSPACED.search(part)]
    return " & ".join(words), " & ".join(pairs)


def _found_in(vector: ColumnElement[Any], query: str) -> ColumnElement[bool]:
    return vector.bool_op("@@")(cast(literal(query, Text), TSQUERY))


def positive_words(query: str) -> set[str]:
    """The words of a query that may stand for similar ones: not excluded, long enough, of a spaced script."""
    found: set[str] = set()
    _walk(query, lambda word, is_positive: found.add(word) if is_positive else None)
    return {word for word in found if len(word) >= SHORTEST_LOOSE and not _UNSPACED.search(word)}


def replaced(query: str, near: Mapping[str, list[str]]) -> str:
    """The query with each word replaced by what it stands for.

    Args:
        query: As PostgreSQL writes it.
        near: For a word, those that resemble it.
    """

    def alternatives(word: str, is_positive: bool) -> str:  # noqa: FBT001 - called by position alone
        if _UNSPACED.search(word):
            pairs = [pair for run in _UNSPACED.findall(word) for pair in _pairs(run)]
            return f"( {' & '.join(pairs)} )"
        similar = near.get(word, ()) if is_positive else ()
        if not similar:
            return _quoted(word)
        return f"( {' | '.join(_quoted(one) for one in (word, *similar))} )"

    result = _walk(query, alternatives)
    # Pairs of characters know no positions, by which alone a phrase could be told.
    return _PHRASE.sub("&", result) if _UNSPACED.search(query) else result


def _walk(query: str, visit: Callable[[str, bool], Any]) -> str:
    """Visits each word with whether it is not excluded; joins what comes back with what stands between the words."""
    result: list[str] = []
    depth, excluded_at, is_next_excluded = 0, None, False
    for token in _TOKEN.finditer(query):
        text = token[0]
        if token[1] is not None:
            word = token[1].replace("''", "'").replace("\\\\", "\\")
            result.append(str(visit(word, excluded_at is None and not is_next_excluded)))
        else:
            result.append(text)
        if text == "(":
            depth += 1
            if is_next_excluded and excluded_at is None:
                excluded_at = depth
        elif text == ")":
            excluded_at = None if excluded_at == depth else excluded_at
            depth -= 1
        is_next_excluded = text == "!"
    return " ".join(result)


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [f"{_quoted(run)}:*"]
    return [_quoted(run[place : place + 2]) for place in range(len(run) - 1)]


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
