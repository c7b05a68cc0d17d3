"""The second half of a micro-batch: what was read is chunked, embedded, stored and written; nothing stays unsettled."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from rag_core.collection import Collection
from rag_core.errors import (
    ConfigurationError,
    DependencyUnavailable,
    DocumentRejected,
    DocumentUnavailable,
    SourceAway,
    SourceChanged,
)
from rag_core.rows import ChunkRow
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, ClaimLost, DueArrival, FoundPart
from resources.clients.parquet_parts import PartStore
from resources.ingestion.chunking import Chunker
from resources.ingestion.counts import Counts, Layer
from resources.ingestion.embedding import ChunkEmbedder
from resources.ingestion.looking import LONGEST_AWAY_S, UNCONFIRMED_S
from resources.ingestion.pieces import Prepared, pieces
from resources.ingestion.reading_ahead import BatchReader, ReadBatch, timed
from resources.ingestion.storing import RowStore
from resources.ingestion.tables import read_rows
from resources.ingestion.tracing import DocumentSpans, Step
from resources.ingestion.work import (
    ChunkedDocument,
    EmbeddedDocument,
    FailedDocument,
    GoneDocument,
    ReadDocument,
    ReadResult,
    SkippedDocument,
)
from resources.ingestion.writing import VectorWriter

_CONCERNS_ALL = (DependencyUnavailable, ClaimLost, ConfigurationError)
"""What ends the run, or its attempt: no document among others is the cause."""

_MAX_REASON = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """What one run needs to take micro-batches of its block through the layers; ``away``: sources not looked at."""

    collection: Collection
    catalog: Catalog
    claim: Claim
    parts: PartStore
    reader: BatchReader
    chunker: Chunker
    embedder: ChunkEmbedder
    rows: RowStore
    vectors: VectorWriter
    layers: frozenset[str]
    recompute: frozenset[str]
    check_claim: Callable[[], None]
    step: Callable[[str], None]
    spans: DocumentSpans
    totals: Counts = field(default_factory=Counts)
    away: dict[str, SourceAway] = field(default_factory=dict[str, SourceAway])
    sequence: Iterator[int] = field(default_factory=count)
    adding: threading.Lock = field(default_factory=threading.Lock)
    preparing: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, read: ReadBatch) -> Iterator[Prepared]:
        """Chunk and embed what was read, a piece of bounded text at a time, for ``conclude`` to write.

        Small documents first: they are answered while a large one is still being embedded. Raises what concerns all of
        them: a dependency that is away, a lost claim, a wrong setting.
        """
        self.add(read.counts)
        for piece in pieces(read.results):
            yield self._prepared(piece)

    def conclude(self, prepared: Prepared) -> None:
        """Store and write documents together; where something unforeseen happens each by itself: only one fails.

        Every arrival is settled on return. May be called from another thread than ``prepare``; raises what that does.
        """
        settled: set[int] = set()
        if prepared.broken is not None:
            self._finish_each(prepared, settled, prepared.broken)
            return
        try:
            self._write(prepared, settled)
        except _CONCERNS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - a defect met in one document must not stop the others
            self._finish_each(prepared, settled, error)
        else:
            self.add(prepared.counts)

    def _finish_each(self, prepared: Prepared, settled: set[int], error: Exception) -> None:
        """Finish those that are not settled one by one; one that fails alone is given its time with the reason."""
        counts = prepared.counts
        counts.arrivals = len(settled)
        if not settled:  # they are chunked again, and what was embedded is made again or found
            counts.chunks = counts.chunks_reused = counts.vectors_reused = 0
        self.add(counts)
        left = [one for one in prepared.results if one.task.arrival.number not in settled]
        if len(left) > 1:
            _log.warning("%d documents are finished one by one: %r", len(left), error)
        if settled or len(left) > 1:
            for one in left:
                self.conclude(self._prepared([one]))
            return
        task = left[0].task
        _log.error("Finishing %s failed unexpectedly", task.arrival.uri, exc_info=error)
        error.__traceback__ = None  # its frames hold the document's text and vectors
        reason = f"Unexpected {type(error).__name__}: {error}"[:_MAX_REASON]
        failed = FailedDocument(task=task, error=DocumentUnavailable(reason))
        alone = Prepared(results=[failed], counts=Counts(arrivals=1), failed=[failed])
        self._write(alone, settled)
        self.add(alone.counts)

    def _prepared(self, results: Sequence[ReadResult]) -> Prepared:
        """Chunk and embed documents together; ``broken`` where that met something unforeseen."""
        self.check_claim()
        prepared = Prepared(
            results=results,
            counts=Counts(arrivals=len(results)),
            documents=[one for one in results if isinstance(one, ReadDocument)],
            failed=[one for one in results if isinstance(one, FailedDocument)],
            skipped=[one.task for one in results if isinstance(one, SkippedDocument)],
            gone=[one for one in results if isinstance(one, GoneDocument)],
        )
        try:
            with self.preparing:
                prepared.chunked += self._chunked(prepared)
                prepared.embedded += self._embedded(prepared)
        except _CONCERNS_ALL:
            raise
        except MemoryError as error:
            raise DependencyUnavailable(
                "There is no memory left to chunk and embed documents.",
                dependency="memory",
                remedy="Give the run more memory, or run fewer at once.",
            ) from error
        except Exception as error:  # noqa: BLE001 - ``conclude`` finds out whose fault it is
            prepared.broken = error
        return prepared

    def _write(self, prepared: Prepared, settled: set[int]) -> None:
        """Store rows, name them, write the index; ``settled`` is told each arrival that has its outcome."""
        counts, chunked, embedded = prepared.counts, prepared.chunked, prepared.embedded
        self.check_claim()
        self.step("embedded")
        written = self.rows.store(
            next(self.sequence),
            read=prepared.documents if Layer.DOCUMENTS in self.layers else (),
            chunked=chunked if Layer.CHUNKS in self.layers else (),
            embedded=embedded if Layer.EMBEDDINGS in self.layers else (),
            before_naming=lambda: self.step("stored"),
        )
        counts.part_files += len(written)
        counts.part_bytes += sum(part.bytes for part in written)
        self.step("named")
        if Layer.EMBEDDINGS in self.layers:
            made = {one.chunked.document.row.content_sha256: one.task.arrival.number for one in embedded}
            self.catalog.contents.remember(self.collection.name, made)
        with timed(counts, "write_s"):
            if Layer.VECTORS in self.layers:
                rejected = self._settle_transient(prepared.failed, settled, counts)
                items = [*embedded, *prepared.gone, *rejected]
                if items:
                    with self.spans.step(Step.WRITTEN, [item.task for item in items]):
                        self.vectors.write(items, counts, settled)
                self._put_back(prepared.skipped, 0, counts)
            else:
                left = len(prepared.failed) + len(prepared.gone) + len(prepared.skipped)
                self._note_away(prepared.failed, counts)
                self._note_unwritten([*prepared.failed, *prepared.gone], counts)
                counts.still_due += left
                counts.stored += len(prepared.results) - left

    def add(self, counts: Counts) -> None:
        """Add to the run's totals, from whichever thread."""
        with self.adding:
            self.totals.add(counts)

    def _chunked(self, prepared: Prepared) -> list[ChunkedDocument]:
        documents, counts = prepared.documents, prepared.counts
        chunked: list[ChunkedDocument] = []
        if not self.layers & {Layer.CHUNKS, Layer.EMBEDDINGS, Layer.VECTORS}:
            return chunked
        with timed(counts, "chunk_s"):
            found = self._latest([one.arrival.document_id for one in documents], Layer.CHUNKS)
            known = read_rows(self.parts, ChunkRow, {part.arrival: part.file for part in found.values()})
            for one in documents:
                part = found.get(one.arrival.document_id)
                rows = [] if part is None else known.get(part.arrival, [])
                try:
                    with self.spans.step(Step.CHUNKED, [one.task]):
                        done = self.chunker.chunk(one, rows, remake=Layer.CHUNKS in self.recompute)
                except DocumentRejected as error:
                    groups = self.reader.reader.groups_of(one.row)
                    prepared.failed.append(FailedDocument(task=one.task, error=error, groups=groups, row=one.row))
                    continue
                if done.stored or Layer.CHUNKS in self.layers:
                    chunked.append(done)
                else:
                    prepared.skipped.append(one.task)
            counts.chunks += sum(len(one.rows) for one in chunked)
            counts.chunks_reused += sum(len(one.rows) for one in chunked if one.reused)
        return chunked

    def _embedded(self, prepared: Prepared) -> list[EmbeddedDocument]:
        chunked, counts = prepared.chunked, prepared.counts
        if not self.layers & {Layer.EMBEDDINGS, Layer.VECTORS}:
            return []
        with timed(counts, "embed_s"):
            found = self._latest([one.arrival.document_id for one in chunked], Layer.EMBEDDINGS)
            if Layer.EMBEDDINGS not in self.layers:
                return self.embedder.only_stored(chunked, found, prepared.skipped)
            with self.spans.step(Step.EMBEDDED, [one.document.task for one in chunked]):
                result = self.embedder.embed(chunked, found, remake=Layer.EMBEDDINGS in self.recompute)
        counts.embedded += result.made
        counts.vectors_reused += result.reused
        return list(result.documents)

    def _settle_transient(
        self, failed: Sequence[FailedDocument], settled: set[int], counts: Counts
    ) -> list[FailedDocument]:
        """Give each that may be tried again its time; return those that failed for good, to be written as such."""
        rejected: list[FailedDocument] = []
        for one in failed:
            number = one.task.arrival.number
            match one.error:
                case SourceChanged():
                    self.catalog.due.stay_due(self.claim, [number], delay_s=None)
                    counts.still_due += 1
                case SourceAway():
                    self._note_away([one], counts)
                    longest_s = UNCONFIRMED_S if one.error.until_confirmed else LONGEST_AWAY_S
                    self._put_back([one.task], one.error.wait_s, counts, longest_s=longest_s)
                case DocumentUnavailable():
                    exhausted = self.catalog.due.retry_later(
                        self.claim, number, one.error, max_attempts=self.collection.limits.max_attempts
                    )
                    if exhausted is None:
                        counts.retrying += 1
                    else:
                        rejected.append(replace(one, error=exhausted))
                case DocumentRejected():
                    rejected.append(one)
            if not rejected or rejected[-1].task is not one.task:
                settled.add(number)
        return rejected

    def _note_away(self, failed: Sequence[FailedDocument], counts: Counts) -> None:
        for one in failed:
            if isinstance(one.error, SourceAway):
                counts.source_away += 1
                self.away[one.error.source] = one.error

    def _note_unwritten(self, left: Sequence[FailedDocument | GoneDocument], counts: Counts) -> None:
        """Say what this run found and does not write down: it has no ``vectors`` layer."""
        for one in left:
            if isinstance(one, GoneDocument):
                _log.warning("%s is gone; a run with the vectors layer deletes it.", one.task.arrival.uri)
            elif isinstance(one.error, DocumentRejected):
                _log.warning("%s is rejected: %s", one.task.arrival.uri, one.error)
            else:
                continue
            counts.left_for_vectors += 1

    def _put_back(
        self, tasks: Sequence[DueArrival], delay_s: float, counts: Counts, *, longest_s: float | None = None
    ) -> None:
        """Leave arrivals as they were before this run began them; those that were due are due again."""
        if tasks:
            self.catalog.due.put_back(self.claim, tasks, delay_s=delay_s, longest_s=longest_s)
            counts.still_due += len(tasks)

    def _latest(self, documents: Sequence[UUID], asset: str) -> Mapping[UUID, FoundPart]:
        return self.catalog.parts.latest_for(documents, asset, self.rows.fingerprints[asset]) if documents else {}
