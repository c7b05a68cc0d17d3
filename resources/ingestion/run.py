"""One run over one claimed block: the surface that Dagster's layer, the CLI and tests call."""

import logging
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from rag_core.chunking import CHUNKER_VERSION
from rag_core.collection import Collection
from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.rows import asset_fingerprints
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, ClaimLost, DueArrival
from resources.clients.object_store import ObjectStore
from resources.clients.parquet_parts import PartStore
from resources.clients.qdrant.writing import QdrantWriter
from resources.ingestion.batch import BatchWork, ReadBatch
from resources.ingestion.batching import MicroBatch, MicroBatches
from resources.ingestion.chunking import Chunker
from resources.ingestion.counts import ALL_LAYERS, BlockTotals, Counts, Layer, RunReport
from resources.ingestion.embedding import ChunkEmbedder
from resources.ingestion.folding import fold_block, remove_unnamed
from resources.ingestion.indexing import ActiveIndex, active_index, checked
from resources.ingestion.last_good import LastGoodRows
from resources.ingestion.lease import LeaseKeeper
from resources.ingestion.reading import DocumentParser, DocumentReader, Lineage
from resources.ingestion.specs import processing_spec
from resources.ingestion.storing import RowStore
from resources.ingestion.writing import VectorWriter

_log = logging.getLogger(__name__)


class IngestRun:
    """Takes the arrivals of a claimed block through documents, chunks, embeddings and vectors.

    The factories are called when first needed: ``sandbox_factory`` gives a parser that the run enters and leaves,
    ``embedder_factory`` the embedder of a model name, which its owner closes. ``threads`` documents are read side by
    side. ``at_step`` is told each numbered step as it is reached.
    """

    def __init__(
        self,
        *,
        collection: Collection,
        catalog: Catalog,
        stores: Mapping[str, ObjectStore],
        sandbox_factory: Callable[[], AbstractContextManager[DocumentParser]],
        embedder_factory: Callable[[str], Embedder],
        writer: QdrantWriter,
        parts: PartStore,
        run_id: str,
        code_version: str,
        passwords: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        layers: frozenset[str] = ALL_LAYERS,
        recompute: frozenset[str] = frozenset(),
        on_progress: Callable[[Counts], None] | None = None,
        threads: int = 4,
        lease_s: float = 60.0,
        at_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        unknown = (layers | recompute) - ALL_LAYERS
        if unknown or not layers:
            raise ConfigurationError(f"Layers are {', '.join(Layer)}; not {', '.join(sorted(unknown)) or 'none'}.")
        self._collection = collection
        self._catalog = catalog
        self._stores = stores
        self._sandbox_factory = sandbox_factory
        self._embedder_factory = embedder_factory
        self._writer = writer
        self._parts = parts
        self._run_id = run_id
        self._code_version = code_version
        self._passwords = tuple(passwords)
        self._clock = clock
        self._layers = layers
        self._recompute = recompute
        self._on_progress = on_progress or (lambda _: None)
        self._threads = threads
        self._lease_s = lease_s
        self._at_step = at_step

    def process(self, claim: Claim, *, reconcile: bool) -> RunReport:
        """Take the block's due arrivals (to reconcile, each document's newest in it, due or not) through the layers.

        For each micro-batch, in this order:

        1. Settle what something newer supersedes, count an attempt of the rest, commit: a document that kills its
           process is known as a suspect afterwards.
        2. Read and parse, the next micro-batch while this one goes on. What is rejected is quarantined with its
           reason, what could not be read comes later: neither stops the others.
        3. Chunk, then 4. embed what no stored row has a vector for.
        5. Write part files, synced, and name them in one transaction: nothing is ever ``indexed`` without its rows.
        6. Write the index under the documents' locks; the steps are numbered in ``VectorWriter``.
        7. Look for due work once more before ending: what became due meanwhile need not wait for another run.

        Raises ``DependencyUnavailable`` when a whole part of the system is away; then no attempt is spent and nothing
        quarantined. When another run takes the block it stops before its next write, and the report says so.
        """
        started = time.perf_counter()
        totals = Counts()
        lost, folded = False, 0
        with ExitStack() as opened:
            lease = opened.enter_context(LeaseKeeper(self._catalog.claims, claim, lease_s=self._lease_s))
            embedder = _Once(self._embedder_factory)
            index = active_index(
                self._collection,
                self._catalog.indexes,
                self._writer,
                embedder.of,
                writes=Layer.VECTORS in self._layers,
            )
            work = self._work(claim, lease, index, embedder, totals, opened)
            try:
                self._run(claim, work, opened, reconcile=reconcile)
                folded = self._fold(claim, lease)
            except ClaimLost as error:
                _log.warning("Stopped: %s", error)
                lost = True
        totals.total_s = time.perf_counter() - started
        return RunReport(
            collection=claim.collection,
            partition=claim.partition,
            counts=totals,
            block=self._block_totals(claim),
            index=index.physical,
            yaml_differs=index.yaml_differs,
            claim_lost=lost,
            folded_files=folded,
            remaining_due=totals.still_due + totals.retrying,
        )

    def _run(self, claim: Claim, work: BatchWork, opened: ExitStack, *, reconcile: bool) -> None:
        """Process micro-batches, reading one ahead; a suspect is processed when nothing else is."""
        ahead = opened.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead"))
        begun: set[int] = set()
        batches = MicroBatches(self._catalog.due, claim, reconcile=reconcile)

        def start(*, beside_another: bool) -> Future[ReadBatch] | None:
            batch = batches.take(beside_another=beside_another)
            return batch and self._begin(batch, work, ahead, begun, claim, reconcile=reconcile)

        try:
            reading = start(beside_another=False)
            for sequence in count():
                if reading is None:
                    return
                read = reading.result()
                reading = None if read.batch.alone else start(beside_another=True)
                work.finish(read, sequence)
                begun.difference_update(read.batch.numbers)
                self._on_progress(work.totals)
                reading = reading or start(beside_another=False)
        except DependencyUnavailable:
            self._give_back(claim, begun)
            raise

    def _begin(
        self,
        batch: MicroBatch,
        work: BatchWork,
        ahead: Executor,
        begun: set[int],
        claim: Claim,
        *,
        reconcile: bool,
    ) -> "Future[ReadBatch]":
        """Settle what is superseded, count the attempts of the rest and start reading them in the background."""
        tasks = list(batch.tasks)
        if Layer.VECTORS in self._layers:
            newest = _newest_of_each(tasks)
            old = [task.arrival.number for task in tasks if task not in newest]
            if old:
                settled = self._catalog.due.supersede(claim, old)
                work.totals.superseded += settled
                work.totals.arrivals += settled
            numbers = [task.arrival.number for task in newest]
            spec = processing_spec(self._collection)
            counted = set(self._catalog.due.begin(claim, numbers, reconcile=reconcile, spec=spec))
            begun |= counted
            tasks = [task for task in newest if task.arrival.number in counted]
        self._at_step("begun")
        return ahead.submit(work.read, MicroBatch(tasks=tasks, alone=batch.alone))

    def _give_back(self, claim: Claim, begun: set[int]) -> None:
        """Make what was begun due again, no attempt spent; if the catalog is away, the lease's end does it."""
        try:
            self._catalog.due.give_back(claim, sorted(begun))
        except (DependencyUnavailable, ClaimLost) as error:
            _log.warning("The attempts of %d arrivals could not be given back: %s", len(begun), error)

    def _work(
        self,
        claim: Claim,
        lease: LeaseKeeper,
        index: ActiveIndex,
        embedder: "_Once",
        totals: Counts,
        opened: ExitStack,
    ) -> BatchWork:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="rag-reading-")))
        readers = opened.enter_context(ThreadPoolExecutor(self._threads, thread_name_prefix="read"))
        tried = processing_spec(self._collection)
        fingerprints = asset_fingerprints(chunking=self._collection.chunking, chunker=CHUNKER_VERSION, spec=index.spec)

        def embed() -> Embedder:
            return checked(embedder.of(index.spec.model), index.spec)

        reader = DocumentReader(
            collection=self._collection,
            stores=self._stores,
            parser=_Entered(self._sandbox_factory, opened).get,
            passwords=self._passwords,
            folder=folder,
            lineage=Lineage(run_id=self._run_id, code_version=self._code_version, clock=self._clock),
        )
        return BatchWork(
            collection=self._collection,
            catalog=self._catalog,
            claim=claim,
            parts=self._parts,
            reader=reader,
            chunker=Chunker(chunking=self._collection.chunking, embedder=embed),
            embedder=ChunkEmbedder(
                parts=self._parts,
                spec=index.spec,
                chunking=self._collection.chunking,
                embedder=embed,
                run_id=self._run_id,
                code_version=self._code_version,
                clock=self._clock,
                before_embedding=lease.check,
            ),
            rows=RowStore(
                parts=self._parts,
                names=self._catalog.parts,
                collection=self._collection.name,
                partition=claim.partition,
                fingerprints=fingerprints,
                name_of=lambda sequence: f"{_file_word(self._run_id)}-{claim.number}-{sequence:05d}",
            ),
            vectors=VectorWriter(
                collection=self._collection,
                writing=self._catalog.writing,
                index=index.physical,
                qdrant=self._writer,
                parts=self._parts,
                look=reader.look,
                last_good=LastGoodRows(collection=self._collection.name, catalog=self._catalog, parts=self._parts).find,
                executor=readers,
                run_id=self._run_id,
                code_version=self._code_version,
                tried=tried,
                rewrite=bool(self._recompute & {Layer.EMBEDDINGS, Layer.VECTORS}),
                stay_due=lambda task: self._catalog.due.stay_due(claim, [task.arrival.number]),
                before_write=lease.check,
                step=self._at_step,
            ),
            readers=readers,
            layers=self._layers,
            recompute=self._recompute,
            check_claim=lease.check,
            step=self._at_step,
            totals=totals,
        )

    def _fold(self, claim: Claim, lease: LeaseKeeper) -> int:
        lease.check()
        block = next(iter(self._catalog.queries.blocks(claim.collection, after=claim.partition - 1, limit=1)), None)
        if block is None or block.partition != claim.partition:
            return 0
        name = f"{_file_word(self._run_id)}-{claim.number}"
        folded = fold_block(
            self._parts,
            self._catalog.parts,
            claim.collection,
            claim.partition,
            is_full=block.is_full,
            name=name,
        )
        remove_unnamed(self._parts, self._catalog.parts)
        self._at_step("folded")
        return len(folded)

    def _block_totals(self, claim: Claim) -> dict[str, BlockTotals]:
        totals: dict[str, BlockTotals] = {}
        files = self._catalog.parts.of_block(claim.collection, claim.partition)
        for asset in (Layer.DOCUMENTS, Layer.CHUNKS, Layer.EMBEDDINGS):
            own = [file for file in files if file.asset == asset]
            totals[asset] = BlockTotals(
                rows=sum(file.rows for file in own),
                files=len(own),
                bytes=sum(file.bytes for file in own),
                arrivals=sum(file.arrivals for file in own),
            )
        indexed = self._catalog.queries.indexed_in_block(claim.collection, claim.partition)
        totals[Layer.VECTORS] = BlockTotals(
            rows=sum(document.chunks for document in indexed), files=0, bytes=0, arrivals=len(indexed)
        )
        return totals


class _Once:
    """Calls the embedder factory once for each model."""

    def __init__(self, factory: Callable[[str], Embedder]) -> None:
        self._factory = factory
        self._made: dict[str, Embedder] = {}

    def of(self, model: str) -> Embedder:
        if model not in self._made:
            self._made[model] = self._factory(model)
        return self._made[model]


class _Entered:
    """Enters the parser when the first document needs it, and leaves it when the run ends."""

    def __init__(self, factory: Callable[[], AbstractContextManager[DocumentParser]], opened: ExitStack) -> None:
        self._factory = factory
        self._opened = opened
        self._lock = threading.Lock()
        self._parser: DocumentParser | None = None

    def get(self) -> DocumentParser:
        with self._lock:
            if self._parser is None:
                self._parser = self._opened.enter_context(self._factory())
            return self._parser


def _newest_of_each(tasks: Sequence[DueArrival]) -> list[DueArrival]:
    """Return the tasks of which nothing newer is known here: one a document."""
    newest: dict[object, DueArrival] = {}
    for task in tasks:
        held = newest.get(task.arrival.document_id)
        if not task.newer_known and (held is None or held.arrival.number < task.arrival.number):
            newest[task.arrival.document_id] = task
    return [task for task in tasks if newest.get(task.arrival.document_id) is task]


def _file_word(run_id: str) -> str:
    """Return a run id as part of a file name."""
    return re.sub(r"[^A-Za-z0-9]", "", run_id)[:32] or "run"
