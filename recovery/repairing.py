"""Repair by the system's own means: what differs is due again, and runs write it; strangers' points are deleted.

A repair writes no text, no vector and no outcome. It may be repeated, and killed at any moment, beside running runs:

1. Points whose bytes differ while the keys that they carry do not are marked as not to be trusted: their embedding key
   is taken away. They go on answering; the next look at their document writes them anew, whole.
2. Vectors that are unsound in Parquet lose their names in the catalog, so that they are made again.
3. Rows of history in Parquet files that are lost are forgotten: nobody makes them again, and no backup could be taken.
4. Only then are the documents made due for reconciliation: a run that comes before sees nothing to do, and the one
   after it everything. A repair killed between leaves what the next audit finds.
5. Points of documents that the catalog does not know are deleted, and the catalog is asked once more: a document that
   was recorded and written meanwhile is looked at again.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from rag_core.collection import Sweep
from rag_core.errors import Permanent, RagError
from rag_core.index_spec import Payload
from rag_core.sweeping import SweepState
from rag_core.vector_index import IndexWrite
from recovery.opened import Opened
from resources.clients.catalog.indexes import LOST_REASON
from resources.clients.collection_files import LoadedCollection
from resources.ingestion.checking.findings import Finding, Kind
from resources.ingestion.counts import Layer
from resources.ingestion.indexing import recover_lost
from sensors.sweep_tick import TickEnd

if TYPE_CHECKING:
    from sensors.sweep import SourceSweep

REASON = "audit"
REASONS = (REASON, LOST_REASON)
"""Why arrivals are due that a repair made so, this one or one that was killed."""

_SOURCE = frozenset({Kind.SOURCE_UNRECORDED, Kind.SOURCE_GONE})
_LOST = frozenset({Kind.FILE_MISSING, Kind.FILE_UNREADABLE})
_MOST_SWEEP_TICKS = 100_000
_LOOK_EVERY_S = 0.2

_log = logging.getLogger("rag.recovery")


@dataclass(slots=True, kw_only=True)
class Repaired:
    """What a repair of one collection did."""

    due_again: int = 0
    points_deleted: int = 0
    points_distrusted: int = 0
    rows_forgotten: int = 0
    swept: int = 0
    recorded: list[range] = field(default_factory=list[range])
    """Numbers of the arrivals that were recorded while the sources were swept, by whomever."""


class Repair:
    """Repairs one collection while its audit goes on; hand it to the audit as ``found``."""

    def __init__(self, loaded: LoadedCollection, tools: Opened) -> None:
        self._loaded = loaded
        self._name = loaded.collection.name
        self._catalog = tools.catalog
        self._writer = tools.store.writer()
        self._sweeps_needed = False
        self.done = Repaired()

    def found(self, findings: Sequence[Finding]) -> None:
        """Repair what was found: a page of an audit."""
        kinds = {finding.kind for finding in findings}
        self._sweeps_needed |= bool(kinds & _SOURCE)
        lost = self._forget_lost([finding.what for finding in findings if finding.kind in _LOST])
        if Kind.INDEX_MISSING in kinds:
            self.done.due_again += recover_lost(self._name, self._catalog.indexes, self._writer)
            return
        active = self._catalog.indexes.active(self._name)
        if active is None:
            return
        physical = active[0]
        self._distrust(physical, [point for finding in findings for point in _distrusted(finding)])
        unsound = _documents(findings, {Kind.VECTOR_UNSOUND})
        if unsound:
            self._catalog.parts.forget_rows(self._name, Layer.EMBEDDINGS, unsound)
        self._delete(physical, [point for finding in findings for point in _nameless(finding)])
        strange = _documents(findings, {Kind.POINT_STRANGE})
        known = self._catalog.queries.documents_by_id(strange) if strange else {}
        due = {*_documents(findings, set(Kind) - {Kind.POINT_STRANGE}), *known, *lost}
        self._delete_unknown(physical, [document for document in strange if document not in known], findings)
        self._make_due(physical, sorted(due))

    def sweep(self) -> None:
        """Record what the sources hold, if the audit found that the catalog does not know it: by the sensors' sweeps.

        A source that stops red stays stopped: its deletions wait for a person, as ever.
        """
        from sensors.connections import open_sweep

        if not self._sweeps_needed:
            return
        first = self._catalog.evidence.next_number(self._name)
        for source in self._loaded.collection.sources:
            at_once = source.model_copy(update={"sweep": Sweep(interval_s=1)})
            try:
                self._sweep(open_sweep(self._loaded, at_once, self._catalog), source.name)
            except RagError as error:
                _log.warning("source %s was not swept: %s", source.name, error)
        self.done.recorded.append(range(first, self._catalog.evidence.next_number(self._name)))

    def _sweep(self, sweep: "SourceSweep", source: str) -> None:
        """Tick until a sweep is complete that no earlier tick began."""
        before = self._state(source)
        old = {each.sweep_id for each in (before.last, before.running) if each is not None}
        for _ in range(_MOST_SWEEP_TICKS):
            tick = sweep.tick()
            self.done.swept += tick.recorded + tick.deleted
            last = self._state(source).last
            if last is not None and last.sweep_id not in old:
                return
            if tick.end is TickEnd.WAITING:
                time.sleep(_LOOK_EVERY_S)

    def _state(self, source: str) -> SweepState:
        return SweepState.from_json(self._catalog.recording.position(self._name, source).value)

    def _forget_lost(self, files: Sequence[str]) -> Sequence[UUID]:
        """Forget history in files that are lost; return the documents whose present rests on them."""
        lost = self._catalog.lost_parts.forget_history(self._name, files)
        self.done.rows_forgotten += lost.forgotten
        return lost.documents

    def _distrust(self, physical: str, points: Sequence[str]) -> None:
        for point in points:
            try:
                self._writer.apply(physical, IndexWrite(places={UUID(point): {Payload.EMBEDDING_KEY: ""}}))
            except Permanent:
                continue  # deleted meanwhile: there is nothing left to distrust
            self.done.points_distrusted += 1

    def _delete(self, physical: str, points: Sequence[str]) -> None:
        if points:
            self._writer.apply(physical, IndexWrite(deletes=[UUID(point) for point in points]))
            self.done.points_deleted += len(points)

    def _delete_unknown(self, physical: str, documents: Sequence[UUID], findings: Sequence[Finding]) -> None:
        if not documents:
            return
        self._writer.delete_documents(physical, documents)
        self.done.points_deleted += sum(one.count for one in findings if one.document_id in set(documents))
        self._make_due(physical, sorted(self._catalog.evidence.answering(physical, documents)))

    def _make_due(self, physical: str, documents: Sequence[UUID]) -> None:
        if documents:
            self.done.due_again += self._catalog.indexes.look_again(self._name, physical, documents, reason=REASON)


def _documents(findings: Sequence[Finding], kinds: set[Kind]) -> list[UUID]:
    return sorted({one.document_id for one in findings if one.document_id is not None and one.kind in kinds})


def _distrusted(finding: Finding) -> tuple[str, ...]:
    return () if finding.kind is Kind.POINT_NAMELESS else finding.points


def _nameless(finding: Finding) -> tuple[str, ...]:
    return finding.points if finding.kind is Kind.POINT_NAMELESS else ()
