"""One micro-batch through the layers: read ahead in a thread, then chunk, embed, store and write."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from rag_core.arrivals import ArrivalState
from rag_core.collection import Collection
from rag_core.errors import DocumentRejected, DocumentUnavailable, QuarantineKind, SourceChanged
from rag_core.rows import ChunkRow, DocumentRow
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, DueArrival, FoundPart
from resources.clients.parquet_parts import PartStore
from resources.ingestion.batching import MicroBatch
from resources.ingestion.chunking import Chunker
from resources.ingestion.counts import Counts, Layer
from resources.ingestion.embedding import ChunkEmbedder
from resources.ingestion.reading import DocumentReader
from resources.ingestion.storing import RowStore
from resources.ingestion.tables import read_rows
from resources.ingestion.work import (
    ChunkedDocument,
    EmbeddedDocument,
    FailedDocument,
    GoneDocument,
    KnownRow,
    ReadDocument,
    ReadResult,
    SkippedDocument,
)
from resources.ingestion.writing import VectorWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBatch:
    """A micro-batch whose documents are read and parsed, and what that cost."""

    batch: MicroBatch
    results: Sequence[ReadResult]
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """What one run needs to take micro-batches of its block through the layers."""

    collection: Collection
    catalog: Catalog
    claim: Claim
    parts: PartStore
    reader: DocumentReader
    chunker: Chunker
    embedder: ChunkEmbedder
    rows: RowStore
    vectors: VectorWriter
    readers: Executor
    layers: frozenset[str]
    recompute: frozenset[str]
    check_claim: Callable[[], None]
    step: Callable[[str], None]
    totals: Counts = field(default_factory=Counts)

    def read(self, batch: MicroBatch) -> ReadBatch:
        """Read and parse a micro-batch, documents side by side; called from the thread that reads ahead."""
        counts = Counts()
        with _timed(counts, "read_s"):
            known = self._known([task.arrival.document_id for task in batch.tasks])
            results = list(self.readers.map(lambda task: self._read(task, known), batch.tasks))
        for result in results:
            if isinstance(result, ReadDocument):
                counts.parsed += int(result.parsed)
                counts.parse_skipped += int(not result.parsed)
                counts.downloaded += int(result.downloaded_bytes > 0)
                counts.source_bytes += result.downloaded_bytes
                counts.text_bytes += len(result.row.text.encode("utf-8", "surrogatepass"))
        return ReadBatch(batch=batch, results=results, counts=counts)

    def finish(self, read: ReadBatch, sequence: int) -> None:
        """Take what was read through the remaining layers; every arrival of the batch is settled on return."""
        counts = read.counts
        counts.arrivals += len(read.results)
        self.check_claim()
        documents = [one for one in read.results if isinstance(one, ReadDocument)]
        failed = [one for one in read.results if isinstance(one, FailedDocument)]
        skipped: list[DueArrival] = [one.task for one in read.results if isinstance(one, SkippedDocument)]
        gone = [one for one in read.results if isinstance(one, GoneDocument)]

        chunked = self._chunked(documents, failed, skipped, counts)
        embedded = self._embedded(chunked, skipped, counts)
        self.check_claim()
        self.step("embedded")
        written = self.rows.store(
            sequence,
            read=documents if Layer.DOCUMENTS in self.layers else (),
            chunked=chunked if Layer.CHUNKS in self.layers else (),
            embedded=embedded if Layer.EMBEDDINGS in self.layers else (),
            before_naming=lambda: self.step("stored"),
        )
        counts.part_files += len(written)
        counts.part_bytes += sum(part.bytes for part in written)
        self.step("named")
        with _timed(counts, "write_s"):
            if Layer.VECTORS in self.layers:
                self._settle_transient(failed, counts)
                rejected = [one for one in failed if isinstance(one.error, DocumentRejected)]
                items = [*embedded, *gone, *rejected]
                if items:
                    self.vectors.write(items, counts)
                self._leave_due(skipped, counts)
            else:
                left = len(failed) + len(gone) + len(skipped)
                counts.still_due += left
                counts.stored += len(read.results) - left
        self.totals.add(counts)

    def _known(self, documents: Sequence[UUID]) -> dict[UUID, KnownRow]:
        """Return the latest stored row of each document that has one."""
        found = self._latest(documents, Layer.DOCUMENTS)
        rows = read_rows(self.parts, DocumentRow, {part.arrival: part.file for part in found.values()})
        return {
            document: KnownRow(arrival=part.arrival, row=rows[part.arrival][0])
            for document, part in found.items()
            if part.arrival in rows
        }

    def _read(self, task: DueArrival, known: dict[UUID, KnownRow]) -> ReadResult:
        row = known.get(task.arrival.document_id)
        if task.reconcile and task.arrival.state is ArrivalState.QUARANTINED:
            return FailedDocument(task=task, error=self._reason_of(task))
        if Layer.DOCUMENTS in self.layers:
            return self.reader.read(task, row, reparse=Layer.DOCUMENTS in self.recompute)
        if row is not None and row.arrival == task.arrival.number:
            return ReadDocument(task=task, row=row.row, stored=True, parsed=False)
        return SkippedDocument(task=task)

    def _chunked(
        self,
        documents: Sequence[ReadDocument],
        failed: list[FailedDocument],
        skipped: list[DueArrival],
        counts: Counts,
    ) -> list[ChunkedDocument]:
        chunked: list[ChunkedDocument] = []
        if not self.layers & {Layer.CHUNKS, Layer.EMBEDDINGS, Layer.VECTORS}:
            return chunked
        with _timed(counts, "chunk_s"):
            found = self._latest([one.arrival.document_id for one in documents], Layer.CHUNKS)
            known = read_rows(self.parts, ChunkRow, {part.arrival: part.file for part in found.values()})
            for one in documents:
                part = found.get(one.arrival.document_id)
                rows = [] if part is None else known.get(part.arrival, [])
                try:
                    done = self.chunker.chunk(one, rows, remake=Layer.CHUNKS in self.recompute)
                except DocumentRejected as error:
                    failed.append(FailedDocument(task=one.task, error=error))
                    continue
                if done.stored or Layer.CHUNKS in self.layers:
                    chunked.append(done)
                else:
                    skipped.append(one.task)
            counts.chunks += sum(len(one.rows) for one in chunked)
            counts.chunks_reused += sum(len(one.rows) for one in chunked if one.reused)
        return chunked

    def _embedded(
        self, chunked: Sequence[ChunkedDocument], skipped: list[DueArrival], counts: Counts
    ) -> list[EmbeddedDocument]:
        if not self.layers & {Layer.EMBEDDINGS, Layer.VECTORS}:
            return []
        with _timed(counts, "embed_s"):
            found = self._latest([one.arrival.document_id for one in chunked], Layer.EMBEDDINGS)
            if Layer.EMBEDDINGS not in self.layers:
                return self.embedder.only_stored(chunked, found, skipped)
            result = self.embedder.embed(chunked, found, remake=Layer.EMBEDDINGS in self.recompute)
        counts.embedded += result.made
        counts.vectors_reused += result.reused
        return list(result.documents)

    def _settle_transient(self, failed: Sequence[FailedDocument], counts: Counts) -> None:
        for one in failed:
            number = one.task.arrival.number
            match one.error:
                case SourceChanged():
                    self.catalog.due.stay_due(self.claim, [number])
                    counts.still_due += 1
                case DocumentUnavailable():
                    again = self.catalog.due.retry_later(
                        self.claim, number, one.error, max_attempts=self.collection.limits.max_attempts
                    )
                    counts.retrying += int(again)
                    counts.quarantined += int(not again)
                case DocumentRejected():
                    pass

    def _leave_due(self, skipped: Sequence[DueArrival], counts: Counts) -> None:
        if skipped:
            self.catalog.due.give_back(self.claim, [task.arrival.number for task in skipped])
            counts.still_due += len(skipped)

    def _latest(self, documents: Sequence[UUID], asset: str) -> dict[UUID, FoundPart]:
        return self.catalog.parts.latest_for(documents, asset, self.rows.fingerprints[asset]) if documents else {}

    def _reason_of(self, task: DueArrival) -> DocumentRejected:
        shown = self.catalog.queries.document(task.arrival.document_id)
        if shown is None or shown.reason is None:
            return DocumentRejected(QuarantineKind.UNREADABLE, "The document failed before.", remedy="Retry it.")
        return DocumentRejected(QuarantineKind(shown.reason.kind), shown.reason.message, remedy=shown.reason.remedy)


@contextmanager
def _timed(counts: Counts, name: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(counts, name, getattr(counts, name) + time.perf_counter() - started)
