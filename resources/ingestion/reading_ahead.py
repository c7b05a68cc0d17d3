"""The first half of a micro-batch: its documents looked at, read and parsed, side by side and bounded in text."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from rag_core.arrivals import ArrivalState
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.rows import DocumentRow
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DueArrival
from resources.clients.parquet_parts import PartStore
from resources.ingestion.batching import MAX_TEXT_BYTES, MicroBatch
from resources.ingestion.counts import Counts, Layer
from resources.ingestion.reading import DocumentReader
from resources.ingestion.tables import rows_of
from resources.ingestion.tracing import DocumentSpans, Step
from resources.ingestion.work import KnownRow, ReadDocument, ReadResult, SkippedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBatch:
    """A micro-batch whose documents are read and parsed, and what that cost; ``left`` found no room for their text."""

    batch: MicroBatch
    results: Sequence[ReadResult]
    left: Sequence[DueArrival]
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReader:
    """Reads micro-batches; called from the thread that reads ahead, it uses the threads of ``readers``."""

    catalog: Catalog
    parts: PartStore
    fingerprints: Mapping[str, str]
    reader: DocumentReader
    readers: Executor
    layers: frozenset[str]
    recompute: frozenset[str]
    spans: DocumentSpans
    max_text_bytes: int = MAX_TEXT_BYTES

    def read(self, batch: MicroBatch) -> ReadBatch:
        """Read and parse documents until their text fills the bound; at least one is read."""
        counts = Counts()
        with timed(counts, "read_s"):
            rooms = _TextRoom(self.max_text_bytes)
            known, unread = self._known(batch.tasks)
            read = list(self.readers.map(lambda task: self._within(rooms, task, known, unread), batch.tasks))
        results = [result for result in read if result is not None]
        for result in results:
            if isinstance(result, ReadDocument):
                counts.parsed += int(result.parsed)
                counts.parse_skipped += int(not result.parsed)
                counts.downloaded += int(result.downloaded_bytes > 0)
                counts.source_bytes += result.downloaded_bytes
                counts.text_bytes += text_bytes(result.row)
        left = [task for task, result in zip(batch.tasks, read, strict=True) if result is None]
        return ReadBatch(batch=batch, results=results, left=left, counts=counts)

    def _within(
        self, room: "_TextRoom", task: DueArrival, known: Mapping[UUID, KnownRow], unread: frozenset[UUID]
    ) -> ReadResult | None:
        if room.is_full or task.arrival.document_id in unread:
            return None
        with self.spans.step(Step.PARSED, [task]):
            result = self._read(task, known.get(task.arrival.document_id))
        if isinstance(result, ReadDocument):
            room.take(text_bytes(result.row))
        return result

    def _read(self, task: DueArrival, row: KnownRow | None) -> ReadResult:
        if task.reconcile and task.arrival.state is ArrivalState.QUARANTINED:
            return self.reader.failed(task, self._reason_of(task))
        if Layer.DOCUMENTS in self.layers:
            return self.reader.read(task, row, reparse=Layer.DOCUMENTS in self.recompute)
        if row is not None and row.arrival == task.arrival.number:
            return ReadDocument(task=task, row=row.row, stored=True, parsed=False)
        return SkippedDocument(task=task)

    def _known(self, tasks: Sequence[DueArrival]) -> tuple[dict[UUID, KnownRow], frozenset[UUID]]:
        """Return the latest stored row of each document that has one, and the documents whose row found no room."""
        documents = [task.arrival.document_id for task in tasks]
        found = self.catalog.parts.latest_for(documents, Layer.DOCUMENTS, self.fingerprints[Layer.DOCUMENTS])
        by_file: dict[str, dict[int, UUID]] = {}
        for document, part in found.items():
            by_file.setdefault(part.file, {})[part.arrival] = document
        known: dict[UUID, KnownRow] = {}
        size = 0
        for file, arrivals in by_file.items():
            if size >= self.max_text_bytes:
                break
            for row in self._rows(file, list(arrivals)):
                known[arrivals[row.arrival]] = KnownRow(arrival=row.arrival, row=row)
                size += text_bytes(row)
                if size >= self.max_text_bytes:
                    break
        if size < self.max_text_bytes:
            return known, frozenset()
        return known, frozenset(found) - known.keys()

    def _rows(self, file: str, arrivals: Sequence[int]) -> Iterator[DocumentRow]:
        try:
            for table in self.parts.read(file, arrivals=arrivals):
                yield from rows_of(table, DocumentRow)
        except FileNotFoundError:
            return  # taken away by hand: the documents are read again

    def _reason_of(self, task: DueArrival) -> DocumentRejected:
        shown = self.catalog.queries.document(task.arrival.document_id)
        if shown is None or shown.reason is None:
            return DocumentRejected(QuarantineKind.UNREADABLE, "The document failed before.", remedy="Retry it.")
        return DocumentRejected(QuarantineKind(shown.reason.kind), shown.reason.message, remedy=shown.reason.remedy)


class _TextRoom:
    """Counts text read by several threads; full once ``max_bytes`` are reached."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def take(self, size: int) -> None:
        with self._lock:
            self._left -= size


def text_bytes(row: DocumentRow) -> int:
    """Return the size of a document's text in UTF-8."""
    return len(row.text.encode("utf-8", "surrogatepass"))


@contextmanager
def timed(counts: Counts, name: str) -> Iterator[None]:
    """Add the seconds that the block takes to a count."""
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(counts, name, getattr(counts, name) + time.perf_counter() - started)
