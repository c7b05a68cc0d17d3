"""Checks of a block, of one run's share of it, or of a whole collection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from rag_core.collection import Collection
from resources.ingestion.checking.findings import Finding, Problem
from resources.ingestion.checking.held_points import PointComparison
from resources.ingestion.checking.promises import (
    CHECKS,
    CHUNKS_COUNTED,
    MAX_EXAMPLES,
    NOTHING_QUARANTINED,
    POINTS_EQUAL,
    ROWS_NAMED,
    VECTORS_SOUND,
    CheckOutcome,
    Tally,
)
from resources.ingestion.checking.stored_rows import StoredRows, look_at_vectors, miscounted_chunks, missing_rows
from resources.ingestion.checking.strangers import Strangers

if TYPE_CHECKING:
    from rag_core.vector_index import IndexInspector, IndexWriter
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import DocumentRow
    from resources.clients.parquet_parts import PartStore

_DOCUMENTS_AT_ONCE = 200
_CHUNKS_AT_ONCE = 8192
"""Digests of so many chunks are held together; a document with more is looked at by itself."""


def check_blocks(
    collection: Collection,
    partition: int | None,
    names: frozenset[str],
    *,
    catalog: "Catalog",
    parts: "PartStore",
    writer: "IndexWriter",
    inspector: "IndexInspector",
    touched_by: str | None = None,
    found: Callable[[Sequence[Finding]], None] = lambda _: None,
    vectors: bool = False,
) -> Iterator[CheckOutcome]:
    """Yield one outcome for each check in ``names``, over a block or (None) over all blocks and the whole index.

    With ``touched_by`` only the documents that this run was the last to work on are looked at: a run that takes one
    arrival into a full block must not cost a look at the whole block. What somebody writes while it is looked at is
    left out, so a check that fails says something that a person can still see. ``found`` hears of every difference as
    it is found, while nothing is kept of it; ``vectors`` compares every point's vectors with Parquet, too.
    """
    tallies = {check.name: Tally(check=check) for check in CHECKS if check.name in names}
    if not tallies:
        return
    active = writer.spec_of(collection.name)
    rows = StoredRows(collection=collection.name, catalog=catalog, parts=parts, found=found)
    physical = None if active is None else active[0]
    looker = _Looker(
        collection=collection.name,
        catalog=catalog,
        rows=rows,
        points=PointComparison(
            rows=rows,
            inspector=inspector,
            physical=physical,
            default_access=collection.default_access,
            vectors=vectors,
        ),
        strangers=None
        if physical is None
        else Strangers(
            collection=collection.name, physical=physical, catalog=catalog, inspector=inspector, found=found
        ),
        dimension=None if active is None else active[1].dimension,
        touched_by=touched_by,
        tallies=tallies,
        found=found,
    )
    if partition is None:
        looker.look_everywhere()
    else:
        looker.look_at_block(partition)
    yield from (tally.outcome() for tally in tallies.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looker:
    collection: str
    catalog: "Catalog"
    rows: StoredRows
    points: PointComparison
    strangers: Strangers | None
    dimension: int | None
    touched_by: str | None
    tallies: Mapping[str, Tally]
    found: Callable[[Sequence[Finding]], None]

    def look_everywhere(self) -> None:
        after = -1
        while page := self.catalog.queries.blocks(self.collection, after=after):
            for block in page:
                if not block.is_retired:
                    self._look_at_documents(block.partition)
            after = page[-1].partition
        if self.strangers is not None and (tally := self.tallies.get(POINTS_EQUAL.name)):
            self.strangers.anywhere(tally)

    def look_at_block(self, partition: int) -> None:
        self._look_at_documents(partition)
        if self.strangers is not None and (tally := self.tallies.get(POINTS_EQUAL.name)):
            self.strangers.of_block(partition, tally, run_id=self.touched_by)

    def _look_at_documents(self, partition: int) -> None:
        if tally := self.tallies.get(NOTHING_QUARANTINED.name):
            self._count_quarantined(partition, tally)
        if len(self.tallies) > int(NOTHING_QUARANTINED.name in self.tallies):
            for some in pieces_of(self._documents(partition), chunks_at_once=_CHUNKS_AT_ONCE):
                self._look_at({row.indexed_arrival: row for row in some if row.indexed_arrival is not None})

    def _documents(self, partition: int) -> "Sequence[DocumentRow]":
        if self.touched_by is None:
            return self.catalog.queries.indexed_in_block(self.collection, partition)
        touched = self.catalog.evidence.touched(self.collection, partition, self.touched_by)
        left_out = self.catalog.evidence.being_written(touched)
        known = self.catalog.queries.documents_by_id(touched)
        return [row for row in known.values() if row.indexed_arrival is not None and row.document_id not in left_out]

    def _count_quarantined(self, partition: int, tally: Tally) -> None:
        counts = self.catalog.queries.block_counts(self.collection, partition)
        failed, first = self.catalog.evidence.quarantined(self.collection, partition, limit=MAX_EXAMPLES)
        examples = [f"{document.uri}: {document.reason}" for document in first]
        tally.count(looked_at=sum(counts.values()), broken=examples, more=failed - len(examples))

    def _look_at(self, documents: "Mapping[int, DocumentRow]") -> None:
        if tally := self.tallies.get(ROWS_NAMED.name):
            self._count(missing_rows(self.rows, documents), documents, tally)
        if tally := self.tallies.get(CHUNKS_COUNTED.name):
            self._count(miscounted_chunks(self.rows, documents), documents, tally)
        if tally := self.tallies.get(VECTORS_SOUND.name):
            look_at_vectors(self.rows, documents, tally, dimension=self.dimension)
        if tally := self.tallies.get(POINTS_EQUAL.name):
            self._count(self.points.problems(documents), documents, tally)

    def _count(self, problems: Mapping[UUID, Problem], documents: "Mapping[int, DocumentRow]", tally: Tally) -> None:
        """Count the problems of those documents that are what they were before anybody looked."""
        before = {row.document_id: row for row in documents.values()}
        now = self.catalog.queries.documents_by_id(list(problems)) if problems else {}
        left_out = self.catalog.evidence.being_written(problems) if problems else set[UUID]()
        broken = [
            problem
            for document, problem in problems.items()
            if document not in left_out and now.get(document) == before[document]
        ]
        tally.count(looked_at=len(documents), broken=(problem.text for problem in broken))
        self.found([finding for problem in broken for finding in problem.findings])


def pieces_of(documents: "Sequence[DocumentRow]", *, chunks_at_once: int) -> "Iterator[list[DocumentRow]]":
    """Yield the documents in their order, a bounded number of them and of their chunks at once."""
    piece: list[DocumentRow] = []
    chunks = 0
    for row in documents:
        if piece and (len(piece) == _DOCUMENTS_AT_ONCE or chunks + row.chunks > chunks_at_once):
            yield piece
            piece, chunks = [], 0
        piece.append(row)
        chunks += row.chunks
    if piece:
        yield piece
