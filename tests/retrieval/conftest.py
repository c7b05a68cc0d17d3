"""One Qdrant Edge server a session; every test names a collection of its own."""

import uuid
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from resources.clients.qdrant.connect import connect
from tests.qdrant.server import EdgeServer


@pytest.fixture(scope="session")
def edge() -> Iterator[EdgeServer]:
    with EdgeServer() as running:
        yield running


@pytest.fixture(scope="session")
def qdrant(edge: EdgeServer) -> Iterator[QdrantClient]:
    client = connect(edge.url)
    yield client
    client.close()


@pytest.fixture
def collection(qdrant: QdrantClient) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    for alias in qdrant.get_aliases().aliases:
        if alias.alias_name == name:
            qdrant.delete_collection(alias.collection_name)
