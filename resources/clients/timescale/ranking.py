"""How points are ranked in PostgreSQL: nearest vectors, BM25 over the inverted list, and what each term could add."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rag_core.index_spec import Payload
from rag_core.sparse import SparseVector
from resources.clients.timescale.rules import Rules
from resources.clients.timescale.sessions import Cursor
from resources.clients.timescale.tables import IndexTables, signed_term

_LOOKED_AT_FIRST = 8
"""So many times the limit of the best by words are looked at before all of them are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerms:
    """A question's terms as the tables know them, each with its weight in the question times its IDF."""

    ids: list[int]
    weights: list[float]


def nearest(
    cursor: Cursor, tables: IndexTables, dense: Sequence[float], rules: Rules, limit: int, *, exactly: bool = False
) -> list[tuple[Any, ...]]:
    """Return id and cosine of the nearest points that the rules let through.

    The nearest-neighbour index gives points until enough pass the rules or it has given as many as it may; who gets
    less than asked for asks again ``exactly``, without it.
    """
    built = tables.statements
    for setting in ["SET LOCAL enable_indexscan = off"] if exactly else built.settings(limit):
        cursor.execute(setting.encode())
    statement, parameters = built.search(_vector(dense), limit, rules)
    return cursor.execute(_SCORES_ALONE.format(search=statement).encode(), parameters).fetchall()


def cosines(cursor: Cursor, tables: IndexTables, dense: Sequence[float], points: Sequence[UUID]) -> dict[str, float]:
    """Return the cosine of each of these points."""
    rows = cursor.execute(tables.of(_COSINES), [_vector(dense), points]).fetchall() if points else []
    return {str(point): _number(score) for point, score in rows}


def weighted(cursor: Cursor, tables: IndexTables, sparse: SparseVector, *, points: int) -> QueryTerms:
    """Return a question's terms with what each weighs in an index of so many points."""
    ids = [signed_term(index) for index in sparse.indices]
    held = dict(cursor.execute(tables.of(_HELD), [ids]).fetchall())
    weights = [weight * _idf(held.get(term, 0), points) for term, weight in zip(ids, sparse.values, strict=True)]
    return QueryTerms(ids=ids, weights=weights)


def worded_best(
    cursor: Cursor, tables: IndexTables, terms: QueryTerms, rules: Rules, limit: int
) -> list[tuple[Any, ...]]:
    """Return id and BM25 score of the best points that the rules let through.

    To read the payloads of all that share a word with the question would cost more than to score them, so the best few
    are looked at first; only where the rules leave less than asked for, all are.
    """
    rows: list[tuple[Any, ...]] = []
    for looked_at in (limit * _LOOKED_AT_FIRST, None):
        clause, parameters = rules.build_query([terms.ids, terms.weights, looked_at, limit])
        rows = cursor.execute(tables.of(_BM25 + clause + _BEST_FIRST), parameters).fetchall()
        if len(rows) == limit:
            break
    return rows


def bm25_of(cursor: Cursor, tables: IndexTables, terms: QueryTerms, points: Sequence[UUID]) -> dict[str, float]:
    """Return the BM25 score of those of the points that share a word with the question."""
    rows = cursor.execute(tables.of(_BM25_OF), [terms.ids, terms.weights, points]).fetchall() if points else []
    return {str(point): score for point, score in rows}


def term_tops(cursor: Cursor, tables: IndexTables, terms: QueryTerms, rights: Rules) -> list[float]:
    """Return the best score that each term alone reaches under these rights, 0 for one that none may see."""
    clause, parameters = rights.build_query([terms.ids])
    rows = cursor.execute(tables.of(_TOP_BEGINS + clause + _TOP_ENDS), parameters).fetchall()
    return [weight * (top or 0.0) for weight, (top,) in zip(terms.weights, rows, strict=True)]


def scores(rows: Sequence[tuple[Any, ...]]) -> dict[str, float]:
    """Return the score of each point by its id."""
    return {str(point): _number(score) for point, score in rows}


def payloads_of(
    cursor: Cursor, tables: IndexTables, points: Sequence[UUID], rules: Rules
) -> dict[str, Mapping[str, Any]]:
    """Return the payloads of those of the points that are there and that the rules let through."""
    clause, parameters = rules.build_query([points])
    rows = cursor.execute(tables.of(_PAYLOADS + clause), parameters).fetchall() if points else []
    return {str(point): payload if text is None else {**payload, Payload.TEXT: text} for point, payload, text in rows}


def _idf(held: int, points: int) -> float:
    """Return the weight of a term that ``held`` of ``points`` points hold, 0 for one that none holds."""
    return math.log(1 + (max(points, held) - held + 0.5) / (held + 0.5)) if held else 0.0


def _number(cosine: float) -> float:
    """Return a cosine; that of a vector without length, which has none, is 0."""
    return 0.0 if math.isnan(cosine) else cosine


def _vector(dense: Sequence[float]) -> str:
    from pgvector import Vector

    return Vector([float(value) for value in dense]).to_text()


_HELD = "SELECT term, count(*) FROM {terms} WHERE term = ANY($1::integer[]) GROUP BY term"

# The library's own columns have vectors and payloads among them: a question would read 100 of them for nothing.
_SCORES_ALONE = "SELECT id, 1 - distance FROM ({search}) AS found"

_PAYLOADS = "SELECT id, metadata, contents FROM {points} WHERE id = ANY($1::uuid[]) AND "

_COSINES = "SELECT id, 1 - (embedding <=> $1) FROM {points} WHERE id = ANY($2::uuid[])"

_BM25 = """
WITH scored AS (
    SELECT held.point, sum(held.weight::float8 * asked.weight) AS score
    FROM unnest($1::integer[], $2::float8[]) AS asked (term, weight) JOIN {terms} AS held USING (term)
    GROUP BY held.point ORDER BY score DESC, held.point LIMIT $3
)
SELECT id, score FROM scored JOIN {points} ON number = scored.point WHERE """
_BEST_FIRST = " ORDER BY score DESC, id LIMIT $4"

_BM25_OF = """
SELECT id, sum(held.weight::float8 * asked.weight)
FROM {points} JOIN {terms} AS held ON held.point = number
    JOIN unnest($1::integer[], $2::float8[]) AS asked (term, weight) USING (term)
WHERE id = ANY($3::uuid[]) GROUP BY id
"""

_TOP_BEGINS = """
SELECT best.weight FROM unnest($1::integer[]) WITH ORDINALITY AS asked (term, place) LEFT JOIN LATERAL (
    SELECT held.weight FROM {terms} AS held
    WHERE held.term = asked.term AND EXISTS (SELECT FROM {points} WHERE number = held.point AND """
_TOP_ENDS = """) ORDER BY held.weight DESC LIMIT 1
) AS best ON TRUE ORDER BY asked.place
"""
