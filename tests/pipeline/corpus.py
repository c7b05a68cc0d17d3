"""A folder of documents with everything that ingests it, as small as it can be; real parts but for the embedder."""

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_client import QdrantClient

from rag_core.arrivals import ArrivalState, Observation, Presence
from rag_core.collection import Collection
from rag_core.identity import document_id
from rag_core.index_spec import DENSE, SPARSE, Payload
from rag_core.objects import announced_version
from rag_core.vector_index import IndexWrite
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import HeldBy, PartitionLimits
from resources.clients.object_store import ObjectStore, open_store
from resources.clients.parquet_parts import PartStore, open_parts
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.writing import QdrantWriter
from resources.ingestion.counts import ALL_LAYERS, RunReport
from resources.ingestion.run import IngestRun
from tests.pipeline.word_embedder import WordEmbedder

SUFFIX = ".meta.yaml"
LINEAGE = {
    Payload.MADE_BY_ARRIVAL,
    Payload.MADE_BY_RUN,
    Payload.MADE_AT,
    Payload.CONFIRMED_BY_ARRIVAL,
    Payload.CONFIRMED_BY_RUN,
}


class Killed(BaseException):
    """Ends a run as a signal would: nothing of the run's own catches it."""


class WatchedWriter(QdrantWriter):
    """The real writer, which also notes what is written."""

    def __init__(self, client: QdrantClient) -> None:
        super().__init__(client)
        self.writes = 0

    def apply(self, physical: str, write: IndexWrite) -> None:
        self.writes += 1
        super().apply(physical, write)


def declared(name: str, folder: Path, **changed: Any) -> Collection:
    values: dict[str, Any] = {
        "name": name,
        "sources": [
            {
                "name": "folder",
                "url": str(folder),
                "exclude": [f"**/*{SUFFIX}"],
                "metadata": [
                    {"from": "sidecar", "suffix": SUFFIX},
                    {"from": "front_matter", "fields": ["team"]},
                ],
            }
        ],
        "chunking": {"min_tokens": 8, "max_tokens": 32},
        "embedding": {"model": "words"},
        "index": {"fields": [{"name": "team"}]},
        "partition_size": 8,
    }
    return Collection.model_validate(values | changed)


@dataclass(kw_only=True)
class Corpus:
    """One collection over one folder; ``run`` ingests what ``sweep`` recorded."""

    root: Path
    catalog: Catalog
    client: QdrantClient
    parser: ParserSandbox
    name: str = field(default_factory=lambda: f"c{uuid.uuid4().hex[:12]}")
    changed: dict[str, Any] = field(default_factory=dict[str, Any])
    embedder: WordEmbedder = field(default_factory=WordEmbedder)
    at_step: Callable[[str], None] = lambda _: None
    lease_s: float = 60.0

    @cached_property
    def folder(self) -> Path:
        folder = self.root / "documents"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def collection(self) -> Collection:
        return declared(self.name, self.folder, **self.changed)

    @cached_property
    def store(self) -> ObjectStore:
        return open_store(self.collection.sources[0], self.root)

    @property
    def stores(self) -> dict[str, ObjectStore]:
        return {source.name: open_store(source, self.root) for source in self.collection.sources}

    @cached_property
    def writer(self) -> WatchedWriter:
        return WatchedWriter(self.client)

    @cached_property
    def parts(self) -> PartStore:
        return open_parts(str(self.root / "parts"))

    def write(self, key: str, text: str) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def sweep(self) -> int:
        """Record what changed in the folder since the last sweep; return how many arrivals that made."""
        present = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.endswith(SUFFIX)
        }
        known = self.catalog.sources.known(self.name, "folder", after_key="", through_key=None, limit=10_000)
        gone = {one.key for one in known if one.presence is Presence.PRESENT} - present
        observations = [self.observation(key) for key in sorted(present)]
        observations += [
            Observation(key=key, uri=self.store.uri(key), presence=Presence.GONE, announced="", size_bytes=0)
            for key in sorted(gone)
        ]
        return self.record(observations)

    def observation(self, key: str) -> Observation:
        info, sidecar = self.store.head(key), self.store.head(key + SUFFIX)
        assert info is not None
        return Observation(
            key=key,
            uri=self.store.uri(key),
            presence=Presence.PRESENT,
            announced=announced_version(info, sidecar),
            size_bytes=info.size_bytes,
        )

    def record(self, observations: list[Observation]) -> int:
        collection = self.collection
        limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)
        return self.catalog.recording.record(self.name, "folder", observations, limits=limits).new

    def job(self, run_id: str, **options: Any) -> IngestRun:
        return IngestRun(
            collection=self.collection,
            catalog=self.catalog,
            stores=self.stores,
            sandbox_factory=lambda: nullcontext(self.parser),
            embedder_factory=lambda _: self.embedder,
            writer=self.writer,
            parts=self.parts,
            run_id=run_id,
            code_version="test",
            at_step=self.at_step,
            lease_s=self.lease_s,
            **options,
        )

    def run(self, *, run_id: str | None = None, **options: Any) -> list[RunReport]:
        """Do all due work, block by block, as sensor's runs would."""
        reports: list[RunReport] = []
        for claim in self.catalog.claims.request(self.name, limit=100, launch_grace_s=60):
            own = run_id or f"run-{uuid.uuid4().hex[:8]}"
            started = self.catalog.claims.start(
                self.name, claim.partition, claim.number, run_id=own, lease_s=self.lease_s
            )
            assert started is not None
            try:
                reports.append(self.job(own, **options).process(started, reconcile=False))
            finally:
                self.catalog.claims.release(started)
        return reports

    def reconcile(self, partition: int = 0, *, layers: frozenset[str] = ALL_LAYERS, **options: Any) -> RunReport:
        """Reconcile one block, as a backfill from the UI would."""
        own = f"run-{uuid.uuid4().hex[:8]}"
        claim = self.catalog.claims.take(self.name, partition, run_id=own, lease_s=self.lease_s)
        assert not isinstance(claim, HeldBy), claim
        try:
            return self.job(own, layers=layers, **options).process(claim, reconcile=True)
        finally:
            self.catalog.claims.release(claim)

    def ingest(self, **options: Any) -> list[RunReport]:
        """Sweep, then run."""
        self.sweep()
        return self.run(**options)

    def hasten(self) -> None:
        """Let the time of everything that waits come now."""
        with self.catalog._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE arrivals SET due_at = now() WHERE due_at > now()")

    def states(self) -> dict[ArrivalState, int]:
        """Return the states that any arrival is in."""
        return {state: count for state, count in self.catalog.queries.counts_by_state(self.name).items() if count}

    def document(self, key: str) -> Any:
        """Return the catalog's view of a document."""
        return self.catalog.queries.document(document_id(self.name, self.store.uri(key)))

    def points(self) -> dict[str, tuple[dict[str, Any], Any, Any]]:
        """Return every point: payload without lineage, dense and sparse vector."""
        active = self.writer.spec_of(self.name)
        if active is None:
            return {}
        found: dict[str, tuple[dict[str, Any], Any, Any]] = {}
        offset: Any = None
        while True:
            records, offset = self.client.scroll(active[0], limit=500, offset=offset, with_vectors=True)
            for record in records:
                payload = {key: value for key, value in (record.payload or {}).items() if key not in LINEAGE}
                vectors: Any = record.vector
                found[str(record.id)] = (payload, vectors[DENSE], vectors[SPARSE])
            if offset is None:
                return found

    def texts(self, key: str) -> list[str]:
        """Return the texts of a document's points in order."""
        owner = str(document_id(self.name, self.store.uri(key)))
        payloads = [payload for payload, _, _ in self.points().values() if payload[Payload.DOCUMENT_ID] == owner]
        return [payload[Payload.TEXT] for payload in sorted(payloads, key=lambda one: one[Payload.ORDINAL])]

    def stored_text(self, key: str) -> str:
        """Return a document's text as Parquet holds it for its indexed arrival."""
        shown = self.document(key)
        file = self.catalog.parts.files(self.name, shown.partition, "documents")[shown.indexed_arrival]
        [table] = self.parts.read(file, arrivals=[shown.indexed_arrival], columns=["text"])
        return table.column("text").to_pylist()[0]


def assert_same_points(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Assert equal points: ids, payloads without lineage, sparse vectors; dense vectors by cosine."""
    assert ours.keys() == theirs.keys()
    for point, (payload, dense, sparse) in ours.items():
        assert dict(payload) == dict(theirs[point][0])
        assert float(np.dot(dense, theirs[point][1])) > 0.9999
        assert sparse == theirs[point][2]


def paragraphs(*topics: str) -> str:
    """Return a text with one paragraph a topic, each long enough to be a chunk of its own."""
    return "\n\n".join(
        f"The {topic} paragraph tells of {topic} and of nothing else. It has {topic} words enough to stand alone."
        for topic in topics
    )
