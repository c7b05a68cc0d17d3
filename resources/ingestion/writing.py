"""The last layer: newest wins under the catalog's lock, and only what differs from the index is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain
from uuid import UUID

from rag_core.access import narrowed_groups, stored_groups
from rag_core.arrivals import Arrival, ArrivalState
from rag_core.collection import Collection, OnQuarantine
from rag_core.errors import DocumentRejected, DocumentUnavailable, SourceAway
from rag_core.identity import Json, fingerprint
from rag_core.index_spec import Payload
from rag_core.outcomes import Announcing
from rag_core.reconciling import IndexChange, PointState, WantedDocument, difference
from rag_core.rows import DocumentRow
from rag_core.vector_index import IndexWrite, IndexWriter, PointWrite
from resources.clients.catalog.values import Claim, DueArrival, HeadState, Outcome, ProcessingSpec, WriteRequest
from resources.clients.catalog.writing import DocumentWriting, Writing
from resources.clients.parquet_parts import PartStore
from resources.ingestion.counts import Counts
from resources.ingestion.points import Confirmation, point_writes, wanted_document
from resources.ingestion.work import EmbeddedDocument, FailedDocument, GoneDocument, Look

Item = EmbeddedDocument | GoneDocument | FailedDocument


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What to write for a batch, and the outcome of each document once it is written."""

    upserts: list[Iterator[PointWrite]] = field(default_factory=list[Iterator[PointWrite]])
    places: dict[UUID, Mapping[str, Json]] = field(default_factory=dict[UUID, Mapping[str, Json]])
    documents: dict[UUID, Mapping[str, Json]] = field(default_factory=dict[UUID, Mapping[str, Json]])
    deletes: list[UUID] = field(default_factory=list[UUID])
    outcomes: list[Callable[[DocumentWriting], None]] = field(default_factory=list[Callable[[DocumentWriting], None]])

    @property
    def is_empty(self) -> bool:
        return not (self.upserts or self.places or self.documents or self.deletes)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorWriter:
    """Writes micro-batches of one run to the index; ``before_write`` is called right before each write to it."""

    collection: Collection
    claim: Claim
    writing: Writing
    index: str
    writer: IndexWriter
    parts: PartStore
    look: Callable[[Arrival], Look | None]
    last_good: Callable[[DueArrival, int], EmbeddedDocument | None]
    executor: Executor
    code_version: str
    tried: ProcessingSpec
    rewrite: bool
    stay_due: Callable[[DueArrival], None]
    before_write: Callable[[], None]
    step: Callable[[str], None]

    @property
    def announcing(self) -> Announcing | None:
        """Who hears of the outcomes; None for a collection that has nothing to do with Kafka."""
        return None if self.collection.kafka is None else self.collection.kafka.announcing

    def write(self, items: Sequence[Item], counts: Counts, settled: set[int]) -> None:
        """Bring the index to what the documents are now; one document that another run holds does not stop the rest.

        ``settled`` is told the arrivals that have their outcome, also where something unforeseen ends the writing.
        """
        try:
            self._write(items, counts, settled)
        except DocumentUnavailable:
            for item in items:
                self._write_alone(item, counts, settled)

    def _write_alone(self, item: Item, counts: Counts, settled: set[int]) -> None:
        try:
            self._write([item], counts, settled)
        except DocumentUnavailable:
            self.stay_due(item.task)
            counts.still_due += 1
            settled.add(item.task.arrival.number)

    def _write(self, items: Sequence[Item], counts: Counts, settled: set[int]) -> None:
        """Write documents to the index in the one order that loses nothing.

        1. Commit a write intent for each: a crash from here on makes the document due for reconciliation.
        2. Lock the documents, in the order of their ids: two runs on one document take turns, never a deadlock.
        3. Something newer known: superseded, nothing is written; old text would come back otherwise.
        4. Look at the object again: another version by now, stay due; what was read is old text already.
        5. Ask the index which points it holds: the catalog's memory does not know what a dead run wrote.
        6. Write the difference: new points, places, document keys, deletions last; a crash leaves old text or both.
        7. Outcomes and closed intents in one commit: never ``indexed`` in the catalog before it is in the index.
        """
        by_id = {item.task.arrival.document_id: item for item in items}
        requests = [
            WriteRequest(arrival=item.task.arrival.number, document_id=document) for document, item in by_id.items()
        ]
        self.before_write()
        done = Counts()
        with self.writing.documents(self.claim, self.index, requests, announcing=self.announcing) as writing:
            self.step("locked")
            heads = {document: writing.head(document) for document in by_id}
            current: dict[UUID, Item] = {}
            for document, item in by_id.items():
                if heads[document].newer_known:
                    writing.superseded(document)
                    done.superseded += 1
                else:
                    current[document] = item
            current = self._unchanged_at_source(current, writing, done)
            held = self.writer.points_of(self.index, list(current))
            plan = _Plan()
            for document, item in current.items():
                self._plan(item, heads[document], held[document], plan, done)
            self.step("compared")
            if not plan.is_empty:
                self.before_write()
                self.writer.apply(
                    self.index,
                    IndexWrite(
                        upserts=chain.from_iterable(plan.upserts),
                        places=plan.places,
                        documents=plan.documents,
                        deletes=plan.deletes,
                    ),
                )
            self.step("written")
            for settle in plan.outcomes:
                settle(writing)
        counts.add(done)
        settled.update(item.task.arrival.number for item in items)
        self.step("committed")

    def _unchanged_at_source(
        self, current: Mapping[UUID, Item], writing: DocumentWriting, done: Counts
    ) -> dict[UUID, Item]:
        """Return the documents whose object still is what was read; the others stay due."""
        stays: dict[UUID, Item] = {}
        for (document, item), same in zip(
            current.items(), self.executor.map(self._is_unchanged, current.values()), strict=True
        ):
            if same:
                stays[document] = item
            else:
                writing.stay_due(document)
                done.still_due += 1
        return stays

    def _is_unchanged(self, item: Item) -> bool:
        arrival = item.task.arrival
        try:
            look = self.look(arrival)
        except (DocumentUnavailable, SourceAway):
            # What could never be looked at is settled without a look; anything else waits until it can be.
            return isinstance(item, FailedDocument) and item.look is None and item.row is None
        except DocumentRejected:
            return isinstance(item, FailedDocument)
        match item:
            case GoneDocument():
                return look is None
            case FailedDocument(row=DocumentRow() as row):
                return look is not None and look.saw(row)
            case FailedDocument():
                return item.look is None or item.look == look
            case EmbeddedDocument():
                return look is not None and look.saw(item.chunked.document.row)

    def _plan(self, item: Item, head: HeadState, held: Mapping[UUID, PointState], plan: _Plan, done: Counts) -> None:
        match item:
            case GoneDocument():
                self._plan_deletion(head, held, plan, done)
            case FailedDocument():
                self._plan_quarantine(item, head, held, plan, done)
            case EmbeddedDocument():
                self._plan_document(item, head, held, plan, done)

    def _plan_document(
        self, item: EmbeddedDocument, head: HeadState, held: Mapping[UUID, PointState], plan: _Plan, done: Counts
    ) -> None:
        wanted, change = self._change(item, held, plan, done)
        row = item.chunked.document.row
        outcome = Outcome(
            version=row.etag,
            version_id=row.version_id,
            title=row.title,
            media_type=row.media_type,
            parser=row.parser,
            chunking=self.tried.chunking,
            metadata_rules=self.tried.rules_of(row.source),
            code_version=self.code_version,
            chunks=len(wanted.points),
            size_bytes=row.size_bytes,
        )
        text_changed = bool(change.upsert or change.set_place or change.delete)
        if text_changed or head.indexed_arrival is None or head.orphans:
            done.indexed += 1
            plan.outcomes.append(lambda writing: writing.indexed(head.document_id, outcome))
        else:
            done.unchanged += 1
            plan.outcomes.append(lambda writing: writing.unchanged(head.document_id, outcome))

    def _change(
        self, item: EmbeddedDocument, held: Mapping[UUID, PointState], plan: _Plan, done: Counts
    ) -> tuple[WantedDocument, IndexChange]:
        """Plan what turns the points held into those wanted."""
        wanted = wanted_document(
            item.chunked.document.row, item.chunked.rows, default_access=self.collection.default_access
        )
        change = difference(wanted, held)
        if self.rewrite:
            change = IndexChange(document_id=wanted.document_id, upsert=tuple(wanted.points), delete=change.delete)
        by = Confirmation(arrival=item.chunked.arrival.number, run_id=self.claim.run_id)
        if change.upsert:
            plan.upserts.append(point_writes(self.parts, item, wanted, change, by))
        plan.places |= {point.point_id: point.place for point in change.set_place}
        if change.set_document:
            plan.documents[wanted.document_id] = {**wanted.payload, **by.payload}
        plan.deletes += change.delete
        done.points_written += len(change.upsert)
        done.points_moved += len(change.set_place)
        done.points_deleted += len(change.delete)
        done.documents_described += int(change.set_document)
        return wanted, change

    def _plan_deletion(self, head: HeadState, held: Mapping[UUID, PointState], plan: _Plan, done: Counts) -> None:
        plan.deletes += held
        done.points_deleted += len(held)
        done.deleted += 1
        plan.outcomes.append(lambda writing: writing.deleted(head.document_id))

    def _plan_quarantine(
        self, item: FailedDocument, head: HeadState, held: Mapping[UUID, PointState], plan: _Plan, done: Counts
    ) -> None:
        """Keep or remove the last good version; narrower rights take effect whatever else failed.

        The last good version is written again where a dead run may have left another by halves, or where the index
        holds nothing of it any more.
        """
        rejected = item.error
        if not isinstance(rejected, DocumentRejected):
            raise TypeError(rejected)
        removed = self.collection.on_quarantine is OnQuarantine.REMOVE or head.indexed_arrival is None
        good = None
        if not removed and (head.orphans or not held or self.rewrite) and head.confirmed_arrival is not None:
            good = self.last_good(item.task, head.confirmed_arrival)
        if removed:
            plan.deletes += held
            done.points_deleted += len(held)
        elif good is not None:
            self._restore(good, item, held, plan, done)
        else:
            self._narrow(item, held, plan, done)
        done.quarantined += 1
        # One that is only looked at again was not tried with today's spec.
        again = item.task.reconcile and item.task.arrival.state is ArrivalState.QUARANTINED
        tried_spec = "" if again else self.tried.fingerprint_of(item.task.arrival.source)
        plan.outcomes.append(
            lambda writing: writing.quarantined(head.document_id, rejected, tried_spec=tried_spec, removed=removed)
        )

    def _restore(
        self,
        good: EmbeddedDocument,
        item: FailedDocument,
        held: Mapping[UUID, PointState],
        plan: _Plan,
        done: Counts,
    ) -> None:
        """Write the last good version again, for those whom it, what the index holds and today's metadata all allow."""
        row = good.chunked.document.row
        own = stored_groups(row.allowed_groups, default_access=self.collection.default_access)
        allowed = _allowed_by_all(own, held, item.groups)
        document = replace(good.chunked.document, row=replace(row, allowed_groups=allowed))
        self._change(replace(good, chunked=replace(good.chunked, document=document)), held, plan, done)

    @staticmethod
    def _narrow(item: FailedDocument, held: Mapping[UUID, PointState], plan: _Plan, done: Counts) -> None:
        if item.groups is None or not held:
            return
        before = {state.allowed_groups for state in held.values()}
        allowed = _allowed_by_all(item.groups, held, None)
        if before != {allowed}:
            # Not a document key that any version has: the next good version writes its own share again.
            plan.documents[item.task.arrival.document_id] = {
                Payload.ALLOWED_GROUPS: list(allowed),
                Payload.DOCUMENT_KEY: fingerprint(["narrowed", list(allowed)]),
            }
            done.documents_described += 1


def _allowed_by_all(
    groups: Sequence[str], held: Mapping[UUID, PointState], now: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the groups that ``groups``, every point held and today's metadata (None: not known) allow."""
    others = sorted({state.allowed_groups for state in held.values()})
    return reduce(narrowed_groups, others if now is None else [*others, tuple(now)], tuple(groups))
