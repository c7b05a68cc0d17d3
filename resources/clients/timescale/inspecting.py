"""What an index in PostgreSQL really holds, for checks: whole payloads, not the keys by which writers remember them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from rag_core.index_spec import Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import HeldPoint
from resources.clients.timescale.sessions import Sessions
from resources.clients.timescale.tables import Registry, indexed, unsigned_term

_BEFORE_ALL = UUID(int=0)


class TimescaleInspector:
    """Reads points in the order of their ids, in pages of ``page_points``, or ``page_vectors`` with their vectors."""

    def __init__(
        self, sessions: Sessions, registry: Registry, *, page_points: int = 2000, page_vectors: int = 500
    ) -> None:
        self._sessions = sessions
        self._registry = registry
        self._page_points = page_points
        self._page_vectors = page_vectors

    def points_of(self, physical: str, documents: Sequence[UUID], *, vectors: bool = False) -> Iterator[HeldPoint]:
        """Yield every point of these documents with its place, its document's keys, its embedding key, its vectors."""
        keys = [*Payload.PLACE, *Payload.DOCUMENT, Payload.EMBEDDING_KEY]
        ids = [str(document) for document in documents]
        if documents:
            statement = _WITH_VECTORS if vectors else _OF_DOCUMENTS
            for page in self._pages(physical, statement, [keys, ids], self._page_vectors if vectors else None):
                yield from page

    def every_point(self, physical: str) -> Iterator[list[HeldPoint]]:
        """Yield all points of an index page by page, with nothing but the document that each belongs to."""
        return self._pages(physical, _EVERY_POINT, [[Payload.DOCUMENT_ID]])

    def _pages(
        self, physical: str, statement: str, parameters: list[Any], page_points: int | None = None
    ) -> Iterator[list[HeldPoint]]:
        after, limit = _BEFORE_ALL, page_points or self._page_points
        while True:
            asked = [after, limit, *parameters]
            doing = f"read the points of {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                rows = cursor.execute(tables.of(statement), asked).fetchall()
            if rows:
                yield [_held(*row) for row in rows]
            if len(rows) < limit:
                return
            after = rows[-1][0]


def _held(
    point: UUID,
    payload: dict[str, Any] | None,
    text: str | None,
    dense: str | None = None,
    terms: list[int] | None = None,
    weights: list[float] | None = None,
) -> HeldPoint:
    known = payload or {}
    indices = tuple(unsigned_term(term) for term in terms or ())
    return HeldPoint(
        point_id=str(point),
        document_id=_uuid(known.get(Payload.DOCUMENT_ID)),
        payload=known if text is None else {**known, Payload.TEXT: text},
        dense=None if dense is None else json.loads(dense),
        sparse=None if dense is None else SparseVector(indices=indices, values=tuple(weights or ())),
    )


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


_KEYS = "(SELECT jsonb_object_agg(key, value) FROM jsonb_each(metadata) WHERE key = ANY($3::text[]))"
_OF_DOCUMENTS = f"""
SELECT id, {_KEYS}, contents FROM {{points}}
WHERE metadata ->> '{Payload.DOCUMENT_ID}' = ANY($4::text[]) AND id > $1 ORDER BY id LIMIT $2
"""  # noqa: S608 - of constants; the table is named by its number
_WITH_VECTORS = f"""
SELECT p.id, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(p.metadata) WHERE key = ANY($3::text[])), p.contents,
       p.embedding::text, t.terms, t.weights
FROM {{points}} p LEFT JOIN LATERAL (
    SELECT array_agg(term ORDER BY term) AS terms, array_agg(weight ORDER BY term) AS weights
    FROM {{terms}} WHERE point = p.number) t ON true
WHERE p.metadata ->> '{Payload.DOCUMENT_ID}' = ANY($4::text[]) AND p.id > $1 ORDER BY p.id LIMIT $2
"""  # noqa: S608 - as above
_EVERY_POINT = f"SELECT id, {_KEYS}, NULL FROM {{points}} WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608 - as above
