"""A real world for the API: PostgreSQL, Qdrant Edge, a catalog with a history; near means shared words."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from rag_core.arrivals import Observation, Presence
from rag_core.errors import DocumentRejected, QuarantineKind
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import Claim, Outcome, PartitionLimits, WriteRequest
from resources.clients.qdrant.connect import connect
from resources.clients.settings import Settings
from tests.pipeline.word_embedder import WordEmbedder
from tests.qdrant.server import EdgeServer
from tests.retrieval.small_index import Doc, id_of, write_index
from tests.services.postgres import PostgresServer

COLLECTION = "handbook"
EMBEDDER = WordEmbedder()
BACKUPS = Doc(
    uri="file:///h/backups.md",
    texts=["The office opens at nine. Backups are kept for thirty days.", "Restores are tested every month."],
    metadata={"team": "platform", "year": 2025},
    page=3,
)
COPY = Doc(uri="file:///h/copy.md", texts=["Restores are tested every month."], metadata={"team": "sales"})
BOARD = Doc(uri="file:///h/board.md", texts=["Salaries rise by ten percent in May."], groups=["board"])
BROKEN = Doc(uri="file:///h/broken.pdf", texts=[])
DOCS = (BACKUPS, COPY, BOARD)


@dataclass(frozen=True)
class World:
    """The two servers with ``COLLECTION`` in both."""

    database_url: str
    qdrant_url: str

    def settings(self, home: Path, **changed: str | None) -> Settings:
        urls = {
            "database_url": self.database_url,
            "qdrant_url": self.qdrant_url,
            "dagster_url": "http://dagster:3000",
        }
        return Settings(home=home, **{**urls, "auth": "off", **changed})


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def world(postgres: PostgresServer) -> Iterator[World]:
    with EdgeServer() as edge:
        client = connect(edge.url)
        physical = write_index(client, COLLECTION, EMBEDDER, DOCS)
        client.close()
        url = postgres.create_database()
        with open_catalog(url) as catalog:
            _record(catalog, physical)
        yield World(database_url=url, qdrant_url=edge.url)


@pytest.fixture
def app(world: World, tmp_path: Path) -> FastAPI:
    settings = world.settings(tmp_path)
    return create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))


@pytest.fixture
def api(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def _record(catalog: Catalog, physical: str) -> None:
    """Record all documents and a later version of the first; index DOCS, quarantine BROKEN."""
    limits = PartitionLimits(size=512, bytes=2**28)
    every = [*DOCS, BROKEN]
    catalog.recording.record(COLLECTION, "samples", [_seen(doc, "v1|t|") for doc in every], limits=limits)
    claim = catalog.claims.take(COLLECTION, 0, run_id="run-1", lease_s=600)
    assert isinstance(claim, Claim)
    catalog.due.begin(claim, list(range(len(every))))
    for number, doc in enumerate(DOCS):
        request = WriteRequest(arrival=number, document_id=id_of(COLLECTION, doc))
        with catalog.writing.documents(claim, physical, [request]) as writing:
            writing.indexed(request.document_id, _outcome(doc))
    rejected = DocumentRejected(QuarantineKind.PASSWORD_REQUIRED, "The PDF is encrypted.", remedy="Add its password.")
    request = WriteRequest(arrival=len(DOCS), document_id=id_of(COLLECTION, BROKEN))
    with catalog.writing.documents(claim, physical, [request]) as writing:
        writing.quarantined(request.document_id, rejected, tried_spec="s", removed=False)
    catalog.claims.release(claim)
    catalog.recording.record(COLLECTION, "samples", [_seen(BACKUPS, "v2|t|")], limits=limits)


def _seen(doc: Doc, announced: str) -> Observation:
    key = doc.uri.removeprefix("file:///h/")
    return Observation(key=key, uri=doc.uri, presence=Presence.PRESENT, announced=announced, size_bytes=10)


def _outcome(doc: Doc) -> Outcome:
    return Outcome(version="v1", parser="text/1", chunking="c", metadata_rules="m", chunks=len(doc.texts))
