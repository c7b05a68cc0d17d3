"""An API that asks for keys, over two collections of which most keys may use one."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from query_api.uploading.bounds import UploadBounds
from rag_core.callers import Scope
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.streaming import PartitionState, StreamState, TopicState
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.keys import WantedKey
from resources.clients.catalog.values import Claim, PartitionLimits, WriteRequest
from resources.clients.qdrant.connect import connect
from resources.clients.settings import Settings
from tests.catalog.observing import rows
from tests.qdrant.server import EdgeServer
from tests.query_api.conftest import BACKUPS, BOARD, BROKEN, COLLECTION, COPY, EMBEDDER, _outcome, _seen
from tests.retrieval.small_index import Doc, id_of, write_index
from tests.services.postgres import PostgresServer

SECRET = "ledger"
PAYROLL = Doc(uri="file:///l/payroll.md", texts=["The payroll of the year is three million."])
LOST = Doc(uri="file:///l/lost.pdf", texts=[])
DOCS = {COLLECTION: (BACKUPS, COPY, BOARD, BROKEN), SECRET: (PAYROLL, LOST)}
QUICK = UploadBounds(look_every_s=0.05, heartbeat_s=0.1)


@dataclass(frozen=True)
class GuardedWorld:
    """A catalog and an index with both collections, to be copied by whoever changes something."""

    database_url: str
    qdrant_url: str


@dataclass
class Guarded:
    """One test's API and catalog."""

    api: TestClient
    app: FastAPI
    catalog: Catalog
    settings: Settings
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    def key(
        self,
        *scopes: Scope,
        collections: Sequence[str] | None = (COLLECTION,),
        groups: Sequence[str] | None = None,
        **more: Any,
    ) -> dict[str, str]:
        """Make a key and return the header that sends it."""
        wanted = WantedKey(
            name=more.pop("name", f"key-{next(self._numbers)}"),
            scopes=frozenset(scopes or [Scope.READ]),
            collections=None if collections is None else frozenset(collections),
            groups=None if groups is None else frozenset(groups),
            **more,
        )
        return {"Authorization": f"Bearer {self.catalog.keys.create(wanted)[0].text}"}

    def upload(self, key: dict[str, str], collection: str, name: str = "a.md", text: str = "A text.") -> dict[str, Any]:
        answer = self.api.post(
            "/v1/documents", params={"collection": collection}, files={"file": (name, text)}, headers=key
        )
        assert answer.status_code == 202, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def guarded_world(postgres: PostgresServer) -> Iterator[GuardedWorld]:
    with EdgeServer() as edge:
        client = connect(edge.url)
        url = postgres.create_database()
        with open_catalog(url) as catalog:
            for collection, docs in DOCS.items():
                indexed = [doc for doc in docs if doc.texts]
                record(catalog, collection, docs, write_index(client, collection, EMBEDDER, indexed))
        for collection in DOCS:
            state = StreamState(topics={"events": TopicState(topic_id="t", incarnation=0, partitions={0: _READ})})
            insert = "INSERT INTO positions (collection, source, value, version) VALUES (%s, 'stream', %s, 1)"
            rows(url, insert, [collection, json.dumps(state.to_json())])
        client.close()
        yield GuardedWorld(database_url=url, qdrant_url=edge.url)


@pytest.fixture
def guarded(guarded_world: GuardedWorld, postgres: PostgresServer, tmp_path: Path) -> Iterator[Guarded]:
    """An API that asks for keys, over a copy of the catalog."""
    with _opened(guarded_world, postgres, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def standing(
    guarded_world: GuardedWorld, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """The same for all tests of a module: each makes its own keys, and none counts what others may have changed."""
    with _opened(guarded_world, postgres, tmp_path_factory.mktemp("standing")) as made:
        yield made


@contextmanager
def _opened(guarded_world: GuardedWorld, postgres: PostgresServer, tmp_path: Path) -> Iterator[Guarded]:
    url = postgres.create_database(template=guarded_world.database_url)
    folder = tmp_path / "collections"
    folder.mkdir()
    for name in DOCS:
        source = {"name": "inbox", "url": str(tmp_path / name), "create": True}
        declared = {"name": name, "sources": [source], "uploads": {"source": "inbox"}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(declared))
    settings = Settings(home=tmp_path, collections=folder, database_url=url, qdrant_url=guarded_world.qdrant_url)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER, bounds=QUICK))
    with (
        TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as api,
        open_catalog(url) as catalog,
    ):
        yield Guarded(api=api, app=app, catalog=catalog, settings=settings)
    postgres.drop_database(url)


def record(catalog: Catalog, collection: str, docs: Sequence[Doc], physical: str) -> None:
    """Record the documents; index those with texts, quarantine the others."""
    limits = PartitionLimits(size=512, bytes=2**28)
    catalog.recording.record(collection, "samples", [_seen(doc, "v1|t|") for doc in docs], limits=limits)
    claim = catalog.claims.take(collection, 0, run_id=f"run-{collection}", lease_s=600)
    assert isinstance(claim, Claim)
    catalog.due.begin(claim, list(range(len(docs))))
    rejected = DocumentRejected(QuarantineKind.NO_TEXT, "No text in it.", remedy="Run OCR over it.")
    for number, doc in enumerate(docs):
        request = WriteRequest(arrival=number, document_id=id_of(collection, doc))
        with catalog.writing.documents(claim, physical, [request]) as writing:
            if doc.texts:
                writing.indexed(request.document_id, _outcome(doc))
            else:
                writing.quarantined(request.document_id, rejected, tried_spec="s", removed=False)
    catalog.claims.release(claim)


@contextmanager
def counted_work(guarded: Guarded) -> Iterator[Callable[[], list[str]]]:
    """Count what a request asks of the catalog and the index: each statement's first words, each path."""
    from sqlalchemy import event

    done: list[str] = []
    lock = threading.Lock()
    connections = guarded.app.state.connections
    engine = connections.catalog()._database.engine

    def statement(_c: Any, _r: Any, text: str, *_: Any) -> None:
        if threading.current_thread().name in {"audit", "sessions"}:  # what is done behind every request
            return
        with lock:
            done.append(" ".join(text.split())[:120])

    searcher = connections.searcher()
    client = searcher._client
    asked = {name: getattr(client, name) for name in ("get_aliases", "get_collection", "facet", "query_batch_points")}

    def counting(name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            with lock:
                done.append(name)
            return asked[name](*args, **more)

        return call

    remembered, refresh_s = searcher._served, searcher._served._refresh_s
    remembered._refresh_s = 3600.0  # what is looked up once in a while is no part of a request's own work
    event.listen(engine, "before_cursor_execute", statement)
    for name in asked:
        setattr(client, name, counting(name))
    try:
        yield lambda: [done.pop(0) for _ in range(len(done))]
    finally:
        remembered._refresh_s = refresh_s
        event.remove(engine, "before_cursor_execute", statement)
        for name in asked:
            delattr(client, name)


def document(collection: str, doc: Doc) -> UUID:
    return id_of(collection, doc)


_READ = PartitionState(next_offset=3, records=3)
