"""The two stores, each a real server a session; every test has a collection of its own in each."""

from collections.abc import Iterator

import pytest

from tests.qdrant.server import EdgeServer
from tests.services.postgres import PostgresServer
from tests.vector_index.stores import TestedStore, qdrant_store, timescale_store


@pytest.fixture(scope="session")
def edge() -> Iterator[EdgeServer]:
    with EdgeServer() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def stores(edge: EdgeServer, postgres: PostgresServer) -> Iterator[dict[str, TestedStore]]:
    with qdrant_store(edge.url) as qdrant, timescale_store(postgres.create_database()) as timescale:
        yield {"qdrant": qdrant, "timescale": timescale}


@pytest.fixture(params=["qdrant", "timescale"])
def store(request: pytest.FixtureRequest, stores: dict[str, TestedStore]) -> Iterator[TestedStore]:
    """Each of the stores in turn."""
    tested = stores[request.param]
    yield tested
    tested.clean()


@pytest.fixture
def collection(store: TestedStore) -> str:
    return store.new_collection()
