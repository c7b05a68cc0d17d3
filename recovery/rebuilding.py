"""An index made anew from catalog and Parquet: nothing is read from a source, parsed or embedded.

It is for a platform at rest: no run may write beside it. The points are those that a run would write, made by the same
functions; lineage stays as it was. Readers are sent to the index when it is whole. A rebuild that dies leaves no alias:
the next start finds the index lost, and runs fill it.

Only documents whose newest version is the one that the rows describe are written. A quarantined one may have had its
rights narrowed in the index alone, so its last good version is left to a run, which looks at its metadata first; one
with a newer version that waits is written by the run that takes it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from uuid import UUID

from rag_core.arrivals import ArrivalState
from rag_core.collection import Collection
from rag_core.reconciling import WantedDocument, WantedPoint
from rag_core.rows import ChunkRow, EmbeddingRow
from rag_core.vector_index import IndexWrite, PointWrite
from recovery.opened import Opened
from resources.clients.catalog.values import DocumentRow
from resources.ingestion.checking.blocks import pieces_of
from resources.ingestion.checking.held_points import described_by
from resources.ingestion.checking.stored_rows import StoredRows
from resources.ingestion.counts import Layer
from resources.ingestion.points import Confirmation, wanted_document, whole_point
from resources.ingestion.tables import rows_of

REASON = "index rebuilt"
_CHUNKS_AT_ONCE = 2048
_VECTORS_AT_ONCE = 512


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild of one index wrote; ``left`` documents are due, and are written by runs."""

    documents: int = 0
    points: int = 0
    left: int = 0


@dataclass(slots=True, kw_only=True)
class _Document:
    """A document on its way: the points that wait for their vectors."""

    row: DocumentRow
    wanted: WantedDocument
    by: Confirmation
    points: dict[UUID, WantedPoint] = field(default_factory=dict[UUID, WantedPoint])


def rebuild_index(collection: Collection, tools: Opened, *, say: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Make the collection's index anew from Parquet, in this order.

    1. Drop the alias and the index: from here on nothing old can answer.
    2. Make it with the spec that the catalog remembers, and write its points, block by block.
    3. Make due what only a run can write, before anybody is sent to the index: it must not look like a whole one.
    4. Send readers to it.
    """
    done = Rebuilt()
    active = tools.catalog.indexes.active(collection.name)
    if active is None:
        return done
    physical, spec = active
    maker = tools.store.maker()
    maker.drop(collection.name, physical)
    maker.make(physical, spec, collection.index.fields)
    rebuilding = _Rebuilding(collection=collection, tools=tools, physical=physical, done=done)
    after = -1
    while page := tools.catalog.queries.blocks(collection.name, after=after):
        for block in page:
            if not block.is_retired:
                rebuilding.block(block.partition)
                say(done.points)
        after = page[-1].partition
    maker.serve(collection.name, physical)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rebuilding:
    collection: Collection
    tools: Opened
    physical: str
    done: Rebuilt

    def block(self, partition: int) -> None:
        documents = self.tools.catalog.queries.indexed_in_block(self.collection.name, partition)
        settled = [row for row in documents if _is_settled(row)]
        left = [row.document_id for row in documents if not _is_settled(row)]
        for some in pieces_of(settled, chunks_at_once=_CHUNKS_AT_ONCE):
            left += self._write({row.indexed_arrival: row for row in some if row.indexed_arrival is not None})
        if left:
            self.done.left += self.tools.catalog.indexes.look_again(
                self.collection.name, self.physical, sorted(left), reason=REASON
            )

    def _write(self, documents: Mapping[int, DocumentRow]) -> list[UUID]:
        """Write documents, and return those of which Parquet does not hold everything."""
        rows = StoredRows(collection=self.collection.name, catalog=self.tools.catalog, parts=self.tools.parts)
        waiting = self._wanted(rows, documents)
        self.tools.store.writer().apply(self.physical, IndexWrite(upserts=self._points(rows, waiting)))
        whole = {number for number, one in waiting.items() if not one.points}
        self.done.documents += len(whole)
        return [row.document_id for number, row in documents.items() if number not in whole]

    def _wanted(self, rows: StoredRows, documents: Mapping[int, DocumentRow]) -> dict[int, _Document]:
        described = described_by(rows, documents)
        chunks: dict[int, list[ChunkRow]] = {number: [] for number in documents}
        columns = [column.name for column in fields(ChunkRow)]
        for table in rows.tables(Layer.CHUNKS, list(documents), columns):
            for chunk in rows_of(table, ChunkRow):
                chunks[chunk.arrival].append(chunk)
        waiting: dict[int, _Document] = {}
        for number, row in documents.items():
            confirmed = number if row.confirmed_arrival is None else row.confirmed_arrival
            now = described.get(confirmed)
            if now is None or len(chunks[number]) != row.chunks:
                continue
            wanted = wanted_document(now, chunks[number], default_access=self.collection.default_access)
            waiting[number] = _Document(
                row=row,
                wanted=wanted,
                by=Confirmation(arrival=confirmed, run_id=row.confirmed_run),
                points={point.point_id: point for point in wanted.points},
            )
        return waiting

    def _points(self, rows: StoredRows, waiting: Mapping[int, _Document]) -> Iterator[PointWrite]:
        columns = [column.name for column in fields(EmbeddingRow)]
        for table in rows.tables(Layer.EMBEDDINGS, list(waiting), columns):
            for start in range(0, len(table), _VECTORS_AT_ONCE):
                for vectors in rows_of(table.slice(start, _VECTORS_AT_ONCE), EmbeddingRow):
                    one = waiting[vectors.arrival]
                    point = one.points.get(UUID(vectors.point_id))
                    if point is not None and point.embedding_key == vectors.embedding_key:
                        del one.points[point.point_id]
                        self.done.points += 1
                        yield whole_point(point, one.wanted.payload, one.by, vectors)


def _is_settled(row: DocumentRow) -> bool:
    newest = row.confirmed_arrival == row.newest_arrival
    return newest and row.state in {ArrivalState.INDEXED, ArrivalState.UNCHANGED} and row.due_at is None
