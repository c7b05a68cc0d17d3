"""One run over one claimed block: the surface that Dagster's layer, the CLI and tests call."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime

from rag_core.collection import Collection
from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError, DependencyUnavailable, SourceAway
from rag_core.traces import NO_TRACES, Traces
from rag_core.vector_index import IndexWriter
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, ClaimLost, DueArrival
from resources.clients.object_store import ReadableStore
from resources.clients.parquet_parts import PartStore
from resources.ingestion.assembling import Once, RunSetting, assemble, file_word
from resources.ingestion.batch import BatchWork
from resources.ingestion.batching import MicroBatch, MicroBatches
from resources.ingestion.counts import ALL_LAYERS, Counts, Layer, RunReport
from resources.ingestion.folding import fold_block, remove_unnamed
from resources.ingestion.indexing import active_index
from resources.ingestion.lease import LeaseKeeper
from resources.ingestion.reading import DocumentParser
from resources.ingestion.reading_ahead import ReadBatch
from resources.ingestion.specs import processing_spec
from resources.ingestion.totals import block_totals
from resources.ingestion.writing_behind import WriteBehind

_log = logging.getLogger(__name__)


class IngestRun:
    """Takes the arrivals of a claimed block through documents, chunks, embeddings and vectors.

    The factories are called when first needed: ``sandbox_factory`` gives a parser that the run enters and leaves,
    ``embedder_factory`` the embedder of a model name, which its owner closes. ``threads`` documents are read side by
    side. ``on_progress`` is told the counts after each micro-batch, ``on_embedding`` how many chunks of how many
    are embedded while that goes on. ``at_step`` is told each numbered step as it is reached. ``traces`` keeps
    spans.
    """

    def __init__(
        self,
        *,
        collection: Collection,
        catalog: Catalog,
        stores: Mapping[str, ReadableStore],
        sandbox_factory: Callable[[], AbstractContextManager[DocumentParser]],
        embedder_factory: Callable[[str], Embedder],
        writer: IndexWriter,
        parts: PartStore,
        run_id: str,
        code_version: str,
        passwords: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        layers: frozenset[str] = ALL_LAYERS,
        recompute: frozenset[str] = frozenset(),
        on_progress: Callable[[Counts], None] | None = None,
        on_embedding: Callable[[int, int], None] | None = None,
        threads: int = 4,
        lease_s: float = 60.0,
        at_step: Callable[[str], None] = lambda _: None,
        traces: Traces = NO_TRACES,
    ) -> None:
        unknown = (layers | recompute) - ALL_LAYERS
        if unknown or not layers:
            raise ConfigurationError(f"Layers are {', '.join(Layer)}; not {', '.join(sorted(unknown)) or 'none'}.")
        self._setting = RunSetting(
            collection=collection,
            catalog=catalog,
            stores=stores,
            sandbox_factory=sandbox_factory,
            embedder_factory=embedder_factory,
            writer=writer,
            parts=parts,
            run_id=run_id,
            code_version=code_version,
            passwords=tuple(passwords),
            clock=clock,
            layers=layers,
            recompute=recompute,
            on_progress=on_progress or (lambda _: None),
            on_embedding=on_embedding or (lambda _done, _of: None),
            threads=threads,
            lease_s=lease_s,
            at_step=at_step,
            traces=traces,
        )

    def process(self, claim: Claim, *, reconcile: bool) -> RunReport:
        """Take the block's due arrivals (to reconcile, each document's newest in it, due or not) through the layers.

        For each micro-batch, in this order:

        1. Settle what something newer supersedes, count an attempt of the rest, commit: a document that kills its
           process is known as a suspect afterwards.
        2. Read and parse, the next micro-batch while this one is embedded and the one before it written. What is
           rejected is quarantined with its reason, what could not be read comes later: neither stops the others.
        3. Chunk, then 4. embed what no stored row has a vector for.
        5. Write part files, synced, and name them in one transaction: nothing is ever ``indexed`` without its rows.
        6. Write the index under the documents' locks; the steps are numbered in ``VectorWriter``.
        7. Look for due work once more before ending: what became due meanwhile need not wait for another run.

        Raises ``DependencyUnavailable`` when a whole part of the system is away; then no attempt is spent and nothing
        quarantined. A source that is away leaves its documents due and does not stop the other sources' documents;
        ``SourceAway`` is raised at the end where nothing else was done, or where a person asked for the block. When
        another run takes the block, this one stops before its next write, and the report says so.
        """
        started = time.perf_counter()
        totals = Counts()
        lost, folded = False, 0
        with ExitStack() as opened:
            lease = opened.enter_context(
                LeaseKeeper(self._setting.catalog.claims, claim, lease_s=self._setting.lease_s)
            )
            embedder = Once(self._setting.embedder_factory)
            index = active_index(
                self._setting.collection,
                self._setting.catalog.indexes,
                self._setting.writer,
                embedder.of,
                writes=Layer.VECTORS in self._setting.layers,
            )
            work = assemble(
                self._setting, claim, lease=lease, index=index, embedder=embedder, totals=totals, opened=opened
            )
            try:
                self._run(claim, work, opened, reconcile=reconcile)
                folded = self._fold(claim, lease)
            except ClaimLost as error:
                _log.warning("Stopped: %s", error)
                lost = True
            finally:
                work.spans.ended(arrivals=totals.arrivals)
        totals.total_s = time.perf_counter() - started
        if not lost:
            _raise_absence(work.away, totals, reconcile=reconcile)
        return RunReport(
            collection=claim.collection,
            partition=claim.partition,
            counts=totals,
            block=block_totals(self._setting.catalog, claim),
            index=index.physical,
            yaml_differs=index.yaml_differs,
            claim_lost=lost,
            folded_files=folded,
            remaining_due=totals.still_due + totals.retrying,
            lost_documents=index.lost_documents,
        )

    def _run(self, claim: Claim, work: BatchWork, opened: ExitStack, *, reconcile: bool) -> None:
        """Process micro-batches: one is read, one embedded, one written at a time; a suspect when nothing else is."""
        ahead = opened.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead"))
        writer = opened.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="write-behind"))
        begun: dict[int, DueArrival] = {}

        def settled(numbers: Sequence[int]) -> None:
            for number in numbers:
                begun.pop(number, None)
            self._setting.on_progress(work.totals)

        behind = WriteBehind(executor=writer, work=work, settled=settled)
        batches = MicroBatches(self._setting.catalog.due, claim, reconcile=reconcile)

        def start(*, beside_another: bool) -> Future[ReadBatch] | None:
            batch = batches.take(beside_another=beside_another)
            return batch and self._begin(batch, work, ahead, begun, claim, reconcile=reconcile)

        try:
            reading = start(beside_another=False)
            while reading is not None:
                read = reading.result()
                if read.left:
                    reading = ahead.submit(work.reader.read, MicroBatch(tasks=read.left, alone=read.batch.alone))
                else:
                    reading = None if read.batch.alone else start(beside_another=True)
                for prepared in work.prepare(read):
                    behind.write(prepared)
                if reading is None:
                    behind.wait()
                    reading = start(beside_another=False)
            behind.wait()
        except (DependencyUnavailable, ConfigurationError):
            behind.wait_whatever_happens()
            self._put_back(claim, begun)
            raise
        except Exception as error:
            other = behind.wait_whatever_happens()
            if isinstance(other, DependencyUnavailable | ConfigurationError):  # what it met is rather no defect
                self._put_back(claim, begun)
                raise other from error
            raise

    def _begin(
        self,
        batch: MicroBatch,
        work: BatchWork,
        ahead: Executor,
        begun: dict[int, DueArrival],
        claim: Claim,
        *,
        reconcile: bool,
    ) -> "Future[ReadBatch]":
        """Settle what is superseded, count the attempts of the rest and start reading them in the background."""
        tasks = list(batch.tasks)
        if Layer.VECTORS in self._setting.layers:
            newest = _newest_of_each(tasks)
            old = [task.arrival.number for task in tasks if task not in newest]
            if old:
                settled = self._setting.catalog.due.supersede(claim, old)
                work.add(Counts(superseded=settled, arrivals=settled))
            numbers = [task.arrival.number for task in newest]
            spec = processing_spec(self._setting.collection)
            counted = set(self._setting.catalog.due.begin(claim, numbers, reconcile=reconcile, spec=spec))
            tasks = [task for task in newest if task.arrival.number in counted]
            begun |= {task.arrival.number: task for task in tasks}
        work.spans.begun(tasks)
        self._setting.at_step("begun")
        return ahead.submit(work.reader.read, MicroBatch(tasks=tasks, alone=batch.alone))

    def _put_back(self, claim: Claim, begun: Mapping[int, DueArrival]) -> None:
        """Leave what was begun as it was, no attempt spent; if the catalog is away, the claim's next holder does it."""
        try:
            self._setting.catalog.due.put_back(claim, list(begun.values()), delay_s=0)
        except (DependencyUnavailable, ClaimLost) as error:
            _log.warning("%d arrivals could not be put back: %s", len(begun), error)

    def _fold(self, claim: Claim, lease: LeaseKeeper) -> int:
        lease.check()
        block = next(
            iter(self._setting.catalog.queries.blocks(claim.collection, after=claim.partition - 1, limit=1)), None
        )
        if block is None or block.partition != claim.partition:
            return 0
        name = f"{file_word(self._setting.run_id)}-{claim.number}-{uuid.uuid4().hex[:8]}"
        folded = fold_block(
            self._setting.parts,
            self._setting.catalog.parts,
            claim.collection,
            claim.partition,
            is_full=block.is_full,
            name=name,
        )
        remove_unnamed(self._setting.parts, self._setting.catalog.parts)
        self._setting.at_step("folded")
        return len(folded)


def _raise_absence(away: Mapping[str, SourceAway], totals: Counts, *, reconcile: bool) -> None:
    """Raise a source's absence where a run must not look like a success; one that waits for a person is said aloud."""
    for source, error in sorted(away.items()):
        _log.warning("Documents of source %s stay due: %s", source, error)
        if not error.until_confirmed and (reconcile or totals.source_away == totals.arrivals):
            raise error


def _newest_of_each(tasks: Sequence[DueArrival]) -> list[DueArrival]:
    """Return the tasks of which nothing newer is known here: one a document."""
    newest: dict[object, DueArrival] = {}
    for task in tasks:
        held = newest.get(task.arrival.document_id)
        if not task.newer_known and (held is None or held.arrival.number < task.arrival.number):
            newest[task.arrival.document_id] = task
    return [task for task in tasks if newest.get(task.arrival.document_id) is task]
