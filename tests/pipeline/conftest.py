"""One PostgreSQL a session, a fresh catalog and a fresh collection a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from resources.clients.catalog import Catalog, open_catalog
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.connect import connect
from tests.pipeline.corpus import Corpus
from tests.pipeline.edge import EdgeServer
from tests.services.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    url = postgres.create_database()
    open_catalog(url).close()
    return url


@pytest.fixture
def database_url(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    made = postgres.create_database(template=migrated)
    yield made
    postgres.drop_database(made)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with open_catalog(database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeServer]:
    with EdgeServer(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture
def client(edge: EdgeServer) -> Iterator[QdrantClient]:
    client = connect(edge.url)
    yield client
    for collection in client.get_collections().collections:
        client.delete_collection(collection.name)
    client.close()


@pytest.fixture(scope="session")
def parser() -> Iterator[ParserSandbox]:
    with ParserSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def corpus(catalog: Catalog, client: QdrantClient, parser: ParserSandbox, tmp_path: Path) -> Corpus:
    return Corpus(root=tmp_path, catalog=catalog, client=client, parser=parser)
