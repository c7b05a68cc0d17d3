"""From a run's setting to the parts that work on its micro-batches."""

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime

from rag_core.chunking import CHUNKER_VERSION
from rag_core.collection import Collection
from rag_core.embedding import Embedder
from rag_core.errors import DependencyUnavailable, RagError
from rag_core.rows import asset_fingerprints
from rag_core.traces import Traces
from rag_core.vector_index import IndexWriter
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim
from resources.clients.object_store import ReadableStore
from resources.clients.parquet_parts import PartStore
from resources.clients.scratch_folders import scratch_folder
from resources.ingestion.batch import BatchWork
from resources.ingestion.chunking import Chunker
from resources.ingestion.counts import Counts, Layer
from resources.ingestion.embedding import ChunkEmbedder
from resources.ingestion.indexing import ActiveIndex, checked
from resources.ingestion.last_good import LastGoodRows
from resources.ingestion.lease import LeaseKeeper
from resources.ingestion.looking import SourceLooker
from resources.ingestion.reading import DocumentParser, DocumentReader, Lineage
from resources.ingestion.reading_ahead import BatchReader
from resources.ingestion.specs import processing_spec
from resources.ingestion.storing import RowStore
from resources.ingestion.tracing import DocumentSpans
from resources.ingestion.writing import VectorWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetting:
    """What a run was given; see ``IngestRun``."""

    collection: Collection
    catalog: Catalog
    stores: Mapping[str, ReadableStore]
    sandbox_factory: Callable[[], AbstractContextManager[DocumentParser]]
    embedder_factory: Callable[[str], Embedder]
    writer: IndexWriter
    parts: PartStore
    run_id: str
    code_version: str
    passwords: Sequence[str]
    clock: Callable[[], datetime]
    layers: frozenset[str]
    recompute: frozenset[str]
    on_progress: Callable[[Counts], None]
    on_embedding: Callable[[int, int], None]
    threads: int
    lease_s: float
    at_step: Callable[[str], None]
    traces: Traces


def assemble(
    setting: RunSetting,
    claim: Claim,
    *,
    lease: LeaseKeeper,
    index: ActiveIndex,
    embedder: "Once",
    totals: Counts,
    opened: ExitStack,
) -> BatchWork:
    """Return the work on one block; what it opens is closed with ``opened``."""
    folder = opened.enter_context(scratch_folder("rag-reading-"))
    readers = opened.enter_context(ThreadPoolExecutor(setting.threads, thread_name_prefix="read"))
    # Looks under the documents' locks wait for no reading: it may take minutes, and a lock that long is lost.
    lookers = opened.enter_context(ThreadPoolExecutor(setting.threads, thread_name_prefix="look"))
    tried = processing_spec(setting.collection)
    attempt = uuid.uuid4().hex[:8]
    spans = DocumentSpans(setting.traces, claim)
    fingerprints = asset_fingerprints(chunking=setting.collection.chunking, chunker=CHUNKER_VERSION, spec=index.spec)

    def embed() -> Embedder:
        return checked(embedder.of(index.spec.model), index.spec)

    looker = SourceLooker(setting.collection, setting.stores)
    reader = DocumentReader(
        collection=setting.collection,
        looker=looker,
        parser=Entered(setting.sandbox_factory, opened).get,
        passwords=setting.passwords,
        folder=folder,
        lineage=Lineage(run_id=setting.run_id, code_version=setting.code_version, clock=setting.clock),
    )
    good = LastGoodRows(collection=setting.collection.name, catalog=setting.catalog, parts=setting.parts)
    return BatchWork(
        collection=setting.collection,
        catalog=setting.catalog,
        claim=claim,
        parts=setting.parts,
        reader=BatchReader(
            catalog=setting.catalog,
            parts=setting.parts,
            fingerprints=fingerprints,
            reader=reader,
            readers=readers,
            layers=setting.layers,
            recompute=setting.recompute,
            spans=spans,
        ),
        chunker=Chunker(chunking=setting.collection.chunking, embedder=embed),
        embedder=ChunkEmbedder(
            parts=setting.parts,
            spec=index.spec,
            chunking=setting.collection.chunking,
            embedder=embed,
            run_id=setting.run_id,
            code_version=setting.code_version,
            clock=setting.clock,
            before_embedding=lease.check,
            on_progress=setting.on_embedding,
            same_content=lambda hashes: setting.catalog.contents.find(
                setting.collection.name, hashes, Layer.EMBEDDINGS, fingerprints[Layer.EMBEDDINGS]
            ),
        ),
        rows=RowStore(
            parts=setting.parts,
            names=setting.catalog.parts,
            collection=setting.collection.name,
            partition=claim.partition,
            fingerprints=fingerprints,
            # A step tried again has the run and claim of its first attempt, and must not write over parts with names.
            name_of=lambda sequence: f"{file_word(setting.run_id)}-{claim.number}-{attempt}-{sequence:05d}",
        ),
        vectors=VectorWriter(
            collection=setting.collection,
            claim=claim,
            writing=setting.catalog.writing,
            index=index.physical,
            writer=setting.writer,
            parts=setting.parts,
            look=looker.look,
            last_good=good.find,
            executor=lookers,
            code_version=setting.code_version,
            tried=tried,
            rewrite=bool(setting.recompute & {Layer.EMBEDDINGS, Layer.VECTORS}),
            stay_due=lambda task: setting.catalog.due.stay_due(claim, [task.arrival.number], delay_s=None),
            before_write=lease.check,
            step=setting.at_step,
        ),
        layers=setting.layers,
        recompute=setting.recompute,
        check_claim=lease.check,
        step=setting.at_step,
        spans=spans,
        totals=totals,
    )


class Once:
    """Calls the embedder factory once for each model, also where several threads ask."""

    def __init__(self, factory: Callable[[str], Embedder]) -> None:
        self._factory = factory
        self._made: dict[str, Embedder] = {}
        self._making = threading.Lock()

    def of(self, model: str) -> Embedder:
        """Return the embedder of a model; one that cannot be opened, for whatever reason, is no document's fault."""
        with self._making:
            if model not in self._made:
                self._made[model] = self._opened(model)
        return self._made[model]

    def _opened(self, model: str) -> Embedder:
        try:
            return self._factory(model)
        except RagError:
            raise
        except Exception as error:
            raise DependencyUnavailable(
                f"The embedding model {model} cannot be opened: {type(error).__name__}: {error}",
                dependency="embedding model",
                remedy="See that its files are whole and readable.",
            ) from error


class Entered:
    """Enters the parser when the first document needs it, and leaves it when the run ends."""

    def __init__(self, factory: Callable[[], AbstractContextManager[DocumentParser]], opened: ExitStack) -> None:
        self._factory = factory
        self._opened = opened
        self._lock = threading.Lock()
        self._parser: DocumentParser | None = None

    def get(self) -> DocumentParser:
        """Return the parser; safe from several threads."""
        with self._lock:
            if self._parser is None:
                self._parser = self._opened.enter_context(self._factory())
            return self._parser


def file_word(run_id: str) -> str:
    """Return a run id as part of a file name."""
    return re.sub(r"[^A-Za-z0-9]", "", run_id)[:32] or "run"
