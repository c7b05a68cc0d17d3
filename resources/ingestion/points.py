"""A document's rows as the points it should have in the index."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from rag_core.access import stored_groups
from rag_core.identity import Json
from rag_core.index_spec import Payload
from rag_core.reconciling import IndexChange, WantedDocument, WantedPoint, described
from rag_core.rows import ChunkRow, DocumentRow, EmbeddingRow
from rag_core.sparse import SparseVector
from rag_core.vector_index import PointWrite
from resources.clients.parquet_parts import PartStore
from resources.ingestion.tables import rows_of
from resources.ingestion.work import EmbeddedDocument

_VECTORS_AT_ONCE = 512


def wanted_document(
    row: DocumentRow, chunks: Sequence[ChunkRow], *, default_access: Literal["collection", "nobody"]
) -> WantedDocument:
    """Return the points that a document should have.

    The version is the content's own digest, so that an object that was only touched, copied or put back writes nothing;
    its ETag and version id rest in the catalog and in Parquet.
    """
    payload: dict[str, Json] = {
        Payload.DOCUMENT_ID: row.document_id,
        Payload.URI: row.uri,
        Payload.VERSION: f"sha256:{row.content_sha256}",
        Payload.TITLE: row.title,
        Payload.MEDIA_TYPE: row.media_type,
        Payload.METADATA: json.loads(row.metadata),
        Payload.ALLOWED_GROUPS: list(stored_groups(row.allowed_groups, default_access=default_access)),
        Payload.PARSER: row.parser,
    }
    points = [
        WantedPoint(
            point_id=UUID(chunk.point_id),
            embedding_key=chunk.embedding_key,
            place={
                Payload.TEXT: chunk.text,
                Payload.ORDINAL: chunk.ordinal,
                Payload.START: chunk.start,
                Payload.END: chunk.end,
                Payload.FIRST_PAGE: chunk.first_page,
                Payload.LAST_PAGE: chunk.last_page,
                Payload.HEADING_PATH: list(chunk.heading_path),
            },
        )
        for chunk in chunks
    ]
    return WantedDocument(document_id=UUID(row.document_id), payload=described(payload), points=points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Which arrival and run stand behind what is written now."""

    arrival: int
    run_id: str

    @property
    def payload(self) -> dict[str, Json]:
        """Return the lineage keys of the confirmation."""
        return {Payload.CONFIRMED_BY_ARRIVAL: self.arrival, Payload.CONFIRMED_BY_RUN: self.run_id}


def point_writes(
    parts: PartStore, document: EmbeddedDocument, wanted: WantedDocument, change: IndexChange, by: Confirmation
) -> Iterator[PointWrite]:
    """Yield the whole points to upsert; vectors that rest in Parquet are read now, a row group at a time."""
    points = {point.point_id: point for point in change.upsert}
    for point_id, vectors in _vectors(parts, document, points):
        yield whole_point(points[point_id], wanted.payload, by, vectors)


def whole_point(
    point: WantedPoint, document: Mapping[str, Json], by: Confirmation, vectors: EmbeddingRow
) -> PointWrite:
    """Return one point complete: its place, its document's keys, its vectors and their lineage."""
    return PointWrite(
        point_id=point.point_id,
        dense=vectors.dense,
        sparse=SparseVector(
            indices=tuple(int(index) for index in vectors.sparse_indices),
            values=tuple(float(value) for value in vectors.sparse_values),
        ),
        payload=_without_nulls(
            {
                **point.place,
                **document,
                **by.payload,
                Payload.EMBEDDING_KEY: point.embedding_key,
                Payload.MADE_BY_ARRIVAL: vectors.made_by_arrival,
                Payload.MADE_BY_RUN: vectors.made_by_run,
                Payload.MADE_AT: vectors.made_at,
                Payload.MODEL: vectors.model,
                Payload.CODE_VERSION: vectors.code_version,
            }
        ),
    )


def _without_nulls(payload: dict[str, Json]) -> dict[str, Json]:
    """Leave keys without a value out: setting one to null removes it, so that is how the index should hold it."""
    return {key: value for key, value in payload.items() if value is not None}


def _vectors(
    parts: PartStore, document: EmbeddedDocument, points: Mapping[UUID, WantedPoint]
) -> Iterable[tuple[UUID, EmbeddingRow]]:
    if not document.stored_in:
        return ((point_id, document.vectors[point.embedding_key]) for point_id, point in points.items())
    return _stored_vectors(parts, document, points)


def _stored_vectors(
    parts: PartStore, document: EmbeddedDocument, points: Mapping[UUID, WantedPoint]
) -> Iterator[tuple[UUID, EmbeddingRow]]:
    if not points:
        return
    for table in parts.read(document.stored_in, arrivals=[document.chunked.arrival.number]):
        for start in range(0, len(table), _VECTORS_AT_ONCE):
            for row in rows_of(table.slice(start, _VECTORS_AT_ONCE), EmbeddingRow):
                if UUID(row.point_id) in points:
                    yield UUID(row.point_id), row
