"""The reader's side of the vector index in PostgreSQL: nearest vectors and BM25 under the same rules."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from rag_core.filters import Condition, FieldType
from rag_core.index_spec import Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import Candidates, ReadPoints, ServedIndex, UnknownCollection, stored_spec
from resources.clients.remembering import Remembered
from resources.clients.timescale.ranking import (
    bm25_of,
    cosines,
    nearest,
    payloads_of,
    scores,
    term_tops,
    weighted,
    worded_best,
)
from resources.clients.timescale.rules import Rules
from resources.clients.timescale.sessions import Cursor, Sessions
from resources.clients.timescale.tables import Registry, indexed, is_made


class TimescaleSearcher:
    """Searches the index that a collection's alias points at.

    The alias is resolved at most every ``refresh_s`` and the question goes to the physical index it named, so that spec
    and vectors always belong together; an index that is gone by then is looked up again at once.
    """

    def __init__(self, sessions: Sessions, registry: Registry, *, refresh_s: float = 2.0) -> None:
        self._sessions = sessions
        self._registry = registry
        self._served = Remembered[ServedIndex](refresh_s)

    def collections(self) -> list[str]:
        """Return the names of the collections that have an index, sorted; raises ``DependencyUnavailable``."""
        with self._sessions.transaction("list aliases") as cursor:
            return _collections(cursor)

    def served(self, collection: str, *, fresh: bool = False) -> ServedIndex:
        """Return what the alias ``collection`` serves; raises ``UnknownCollection`` without one."""
        return self._served.get(collection, self._look_up, fresh=fresh)

    def candidates(
        self,
        index: ServedIndex,
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
        limit: int = 100,
    ) -> Candidates:
        """Return the ``limit`` best points of each list, as ``IndexSearcher`` promises.

        IDF counts the points of the whole index: those in it as ``index`` was looked up, those with the term now.
        """
        rules = Rules(groups=groups, conditions=conditions)
        near: dict[str, float] = {}
        worded: dict[str, float] = {}
        tops: Sequence[float] = ()
        with indexed(self._sessions, self._registry, index.physical, f"search {index.physical}") as (cursor, tables):
            if sparse is not None and sparse.indices:
                terms = weighted(cursor, tables, sparse, points=index.points)
                worded = scores(worded_best(cursor, tables, terms, rules, limit))
                tops = term_tops(cursor, tables, terms, Rules(groups=groups))
            if dense is not None:
                rows = nearest(cursor, tables, dense, rules, limit)
                if len(rows) < min(limit, index.points) and tables.method != "scan":
                    rows = nearest(cursor, tables, dense, rules, limit, exactly=True)
                near = scores(rows)
        return Candidates(dense=near, sparse=worded, term_tops=tuple(tops))

    def read(
        self,
        index: ServedIndex,
        points: Sequence[str],
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
    ) -> ReadPoints:
        """Return these points with payloads and true scores; see ``IndexSearcher``."""
        rules = Rules(groups=groups, conditions=conditions)
        ids = [UUID(point) for point in points]
        near: dict[str, float] = {}
        worded: dict[str, float] = {}
        with indexed(self._sessions, self._registry, index.physical, f"search {index.physical}") as (cursor, tables):
            payloads = payloads_of(cursor, tables, ids, rules)
            there = [UUID(point) for point in payloads]
            if dense is not None:
                near = cosines(cursor, tables, dense, there)
            if sparse is not None and sparse.indices:
                terms = weighted(cursor, tables, sparse, points=index.points)
                worded = bm25_of(cursor, tables, terms, there)
        return ReadPoints(dense=near, sparse=worded, payloads=payloads)

    def points_of_documents(
        self, index: ServedIndex, document_ids: Sequence[UUID], *, groups: Sequence[str] | None
    ) -> Mapping[UUID, int]:
        """Return how many points the index holds of each of these documents that the groups may see."""
        doing = f"count points in {index.physical}"
        clause, parameters = Rules(groups=groups).build_query([[str(each) for each in document_ids]])
        with indexed(self._sessions, self._registry, index.physical, doing) as (cursor, tables):
            rows = cursor.execute(tables.of(_COUNT_OF_DOCUMENTS + clause + _BY_DOCUMENT), parameters).fetchall()
        return {UUID(document): int(points) for document, points in rows}

    def chunks_of_document(
        self, index: ServedIndex, document_id: UUID, *, first: int, last: int, groups: Sequence[str] | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return the payloads of a document's chunks ``first`` to ``last`` in their order, as the groups may see them.

        While a new version is written both may be there, so twice as many points are asked for as there are ordinals.
        """
        asked = [[str(document_id)], first, last, 2 * (last - first + 1)]
        clause, parameters = Rules(groups=groups).build_query(asked)
        doing = f"read a document of {index.physical}"
        with indexed(self._sessions, self._registry, index.physical, doing) as (cursor, tables):
            rows = cursor.execute(tables.of(_CHUNKS + clause + _IN_ORDER), parameters).fetchall()
        return [{**payload, Payload.TEXT: text} for payload, text in rows]

    def _look_up(self, collection: str) -> ServedIndex:
        with self._sessions.transaction(f"read the alias of {collection}") as cursor:
            row = cursor.execute(_SERVED, [collection]).fetchone() if is_made(cursor) else None
            if row is None:
                raise UnknownCollection(collection, known=_collections(cursor))
        physical, spec, fields = row
        with indexed(self._sessions, self._registry, physical, f"count points in {physical}") as (cursor, tables):
            counted = cursor.execute(tables.of(_COUNT)).fetchone()
        return ServedIndex(
            physical=physical,
            spec=stored_spec(physical, spec),
            fields=cast("dict[str, FieldType]", fields),
            points=0 if counted is None else int(counted[0]),
        )


def _collections(cursor: Cursor) -> list[str]:
    return [name for (name,) in cursor.execute(_COLLECTIONS).fetchall()] if is_made(cursor) else []


_COLLECTIONS = b"""
SELECT collection FROM rag_vectors.aliases JOIN rag_vectors.indexes USING (physical)
WHERE to_regclass(format('rag_vectors.points_%s', number)) IS NOT NULL ORDER BY collection COLLATE "C"
"""

_SERVED = b"""
SELECT physical, spec, fields FROM rag_vectors.aliases JOIN rag_vectors.indexes USING (physical)
WHERE collection = $1 AND to_regclass(format('rag_vectors.points_%s', number)) IS NOT NULL
"""

_COUNT = "SELECT count(*) FROM {points}"
_COUNT_OF_DOCUMENTS = f"""
SELECT metadata ->> '{Payload.DOCUMENT_ID}', count(*) FROM {{points}}
WHERE metadata ->> '{Payload.DOCUMENT_ID}' = ANY($1::text[]) AND """  # noqa: S608 - of constants
_BY_DOCUMENT = " GROUP BY 1"
_CHUNKS = f"""
SELECT metadata, contents FROM {{points}} WHERE metadata ->> '{Payload.DOCUMENT_ID}' = ANY($1::text[])
    AND (metadata ->> '{Payload.ORDINAL}')::integer BETWEEN $2 AND $3 AND """  # noqa: S608 - of constants
_IN_ORDER = f" ORDER BY (metadata ->> '{Payload.ORDINAL}')::integer, id LIMIT $4"
