"""The second half of a micro-batch: what was read is chunked, embedded, stored and written; nothing stays unsettled."""

import logging
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
from resources.ingestion.looking import LONGEST_AWAY_S
from resources.ingestion.reading_ahead import BatchReader, ReadBatch, text_bytes, timed
from resources.ingestion.storing import RowStore
from resources.ingestion.tables import read_rows
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

_TEXT_AT_ONCE = 8 * 1024 * 1024
"""Bytes of text that pass the layers together: rows and vectors take several times as much."""

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
    totals: Counts = field(default_factory=Counts)
    away: dict[str, SourceAway] = field(default_factory=dict[str, SourceAway])
    sequence: Iterator[int] = field(default_factory=count)

    def finish(self, read: ReadBatch) -> None:
        """Take what was read through the remaining layers; every arrival of the batch is settled on return."""
        self.totals.add(read.counts)
        # Small documents first: they are answered while a large one is still being embedded.
        for piece in _pieces(sorted(read.results, key=_text_of)):
            self._finish_each(piece)

    def _finish_each(self, results: Sequence[ReadResult]) -> None:
        """Finish documents together; where something unforeseen happens each by itself, so that only one fails.

        Raises what concerns all of them: a dependency that is away, a lost claim, a wrong setting.
        """
        done = Counts(arrivals=len(results))
        settled: set[int] = set()
        try:
            self._finish(results, settled, done)
        except (DependencyUnavailable, ClaimLost, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001 - a defect met in one document must not stop the others
            left = [one for one in results if one.task.arrival.number not in settled]
            done.arrivals = len(settled)
            self.totals.add(done)
            if len(left) > 1:
                _log.warning("%d documents are finished one by one: %r", len(left), error)
            if len(left) != len(results) or len(left) > 1:
                for one in left:
                    self._finish_each([one])
                return
            task = left[0].task
            _log.exception("Finishing %s failed unexpectedly", task.arrival.uri)
            reason = f"Unexpected {type(error).__name__}: {error}"[:_MAX_REASON]
            done = Counts(arrivals=1)
            self._finish([FailedDocument(task=task, error=DocumentUnavailable(reason))], settled, done)
        self.totals.add(done)

    def _finish(self, results: Sequence[ReadResult], settled: set[int], counts: Counts) -> None:
        """Take documents through the layers together; ``settled`` is told each arrival that has its outcome."""
        self.check_claim()
        documents = [one for one in results if isinstance(one, ReadDocument)]
        failed = [one for one in results if isinstance(one, FailedDocument)]
        skipped: list[DueArrival] = [one.task for one in results if isinstance(one, SkippedDocument)]
        gone = [one for one in results if isinstance(one, GoneDocument)]

        chunked = self._chunked(documents, failed, skipped, counts)
        embedded = self._embedded(chunked, skipped, counts)
        self.check_claim()
        self.step("embedded")
        written = self.rows.store(
            next(self.sequence),
            read=documents if Layer.DOCUMENTS in self.layers else (),
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
                rejected = self._settle_transient(failed, settled, counts)
                items = [*embedded, *gone, *rejected]
                if items:
                    self.vectors.write(items, counts, settled)
                self._put_back(skipped, 0, counts)
            else:
                left = len(failed) + len(gone) + len(skipped)
                self._note_away(failed, counts)
                self._note_unwritten([*failed, *gone], counts)
                counts.still_due += left
                counts.stored += len(results) - left

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
        with timed(counts, "chunk_s"):
            found = self._latest([one.arrival.document_id for one in documents], Layer.CHUNKS)
            known = read_rows(self.parts, ChunkRow, {part.arrival: part.file for part in found.values()})
            for one in documents:
                part = found.get(one.arrival.document_id)
                rows = [] if part is None else known.get(part.arrival, [])
                try:
                    done = self.chunker.chunk(one, rows, remake=Layer.CHUNKS in self.recompute)
                except DocumentRejected as error:
                    groups = self.reader.reader.groups_of(one.row)
                    failed.append(FailedDocument(task=one.task, error=error, groups=groups, row=one.row))
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
        with timed(counts, "embed_s"):
            found = self._latest([one.arrival.document_id for one in chunked], Layer.EMBEDDINGS)
            if Layer.EMBEDDINGS not in self.layers:
                return self.embedder.only_stored(chunked, found, skipped)
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
                    longest_s = None if one.error.until_confirmed else LONGEST_AWAY_S
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


def _pieces(results: Sequence[ReadResult]) -> Iterator[list[ReadResult]]:
    """Split what was read into pieces of bounded text."""
    piece: list[ReadResult] = []
    size = 0
    for result in results:
        cost = _text_of(result)
        if piece and size + cost > _TEXT_AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(result)
        size += cost
    if piece:
        yield piece


def _text_of(result: ReadResult) -> int:
    return text_bytes(result.row) if isinstance(result, ReadDocument) else 0
