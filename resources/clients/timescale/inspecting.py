"""What an index in PostgreSQL really holds, for checks: whole payloads, not the keys by which writers remember them."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from rag_core.index_spec import Payload
from rag_core.vector_index import HeldPoint
from resources.clients.timescale.sessions import Sessions
from resources.clients.timescale.tables import Registry, indexed

_BEFORE_ALL = UUID(int=0)


class TimescaleInspector:
    """Reads points in pages of ``page_points``, in the order of their ids; vectors are never asked for."""

    def __init__(self, sessions: Sessions, registry: Registry, *, page_points: int = 2000) -> None:
        self._sessions = sessions
        self._registry = registry
        self._page_points = page_points

    def points_of(self, physical: str, documents: Sequence[UUID]) -> Iterator[HeldPoint]:
        """Yield every point of these documents with its place, its document's keys and its embedding key."""
        keys = [*Payload.PLACE, *Payload.DOCUMENT, Payload.EMBEDDING_KEY]
        ids = [str(document) for document in documents]
        if documents:
            for page in self._pages(physical, _OF_DOCUMENTS, [keys, ids]):
                yield from page

    def every_point(self, physical: str) -> Iterator[list[HeldPoint]]:
        """Yield all points of an index page by page, with nothing but the document that each belongs to."""
        return self._pages(physical, _EVERY_POINT, [[Payload.DOCUMENT_ID]])

    def _pages(self, physical: str, statement: str, parameters: list[Any]) -> Iterator[list[HeldPoint]]:
        after = _BEFORE_ALL
        while True:
            asked = [after, self._page_points, *parameters]
            doing = f"read the points of {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                rows = cursor.execute(tables.of(statement), asked).fetchall()
            if rows:
                yield [_held(*row) for row in rows]
            if len(rows) < self._page_points:
                return
            after = rows[-1][0]


def _held(point: UUID, payload: dict[str, Any] | None, text: str | None) -> HeldPoint:
    known = payload or {}
    return HeldPoint(
        point_id=str(point),
        document_id=_uuid(known.get(Payload.DOCUMENT_ID)),
        payload=known if text is None else {**known, Payload.TEXT: text},
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
_EVERY_POINT = f"SELECT id, {_KEYS}, NULL FROM {{points}} WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608 - as above
