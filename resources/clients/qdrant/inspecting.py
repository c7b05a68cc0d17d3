"""What an index really holds, for checks: whole payloads, not the keys by which writers remember them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rag_core.index_spec import DENSE, SPARSE, Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import HeldPoint
from resources.clients.qdrant.connect import translating

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.http.models import Filter


class QdrantInspector:
    """Reads points in pages of ``page_points``, or of ``page_vectors`` where their vectors come along."""

    def __init__(self, client: "QdrantClient", *, page_points: int = 2000, page_vectors: int = 500) -> None:
        self._client = client
        self._page_points = page_points
        self._page_vectors = page_vectors

    def points_of(self, physical: str, documents: Sequence[UUID], *, vectors: bool = False) -> Iterator[HeldPoint]:
        """Yield every point of these documents with its place, its document's keys, its embedding key, its vectors."""
        from qdrant_client.http import models

        ids = [str(document) for document in documents]
        own = models.Filter(must=[models.FieldCondition(key=Payload.DOCUMENT_ID, match=models.MatchAny(any=ids))])
        if documents:
            keys = [*Payload.PLACE, *Payload.DOCUMENT, Payload.EMBEDDING_KEY]
            yield from self._scroll(physical, own, keys, vectors=vectors)

    def every_point(self, physical: str) -> Iterator[list[HeldPoint]]:
        """Yield all points of an index page by page, with nothing but the document that each belongs to."""
        page: list[HeldPoint] = []
        for point in self._scroll(physical, None, [Payload.DOCUMENT_ID]):
            page.append(point)
            if len(page) == self._page_points:
                yield page
                page = []
        if page:
            yield page

    def _scroll(
        self, physical: str, own: "Filter | None", keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[HeldPoint]:
        from qdrant_client.http import models

        offset: Any = None
        while True:
            with translating(f"read the points of {physical}"):
                records, offset = self._client.scroll(
                    physical,
                    scroll_filter=own,
                    limit=self._page_vectors if vectors else self._page_points,
                    offset=offset,
                    with_payload=models.PayloadSelectorInclude(include=list(keys)),
                    with_vectors=vectors,
                )
            for record in records:
                payload: dict[str, Any] = record.payload or {}
                held: Any = record.vector or {}
                terms = held.get(SPARSE)
                yield HeldPoint(
                    point_id=str(record.id),
                    document_id=_uuid(payload.get(Payload.DOCUMENT_ID)),
                    payload=payload,
                    dense=held.get(DENSE),
                    sparse=None
                    if terms is None
                    else SparseVector(indices=tuple(terms.indices), values=tuple(terms.values)),
                )
            if offset is None:
                return


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
