"""The server that the tests of this folder share, and a fresh collection name for each test."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from qdrant_client import QdrantClient

from tests.qdrant.corpus import create
from tests.qdrant.server import EdgeServer


@pytest.fixture(scope="session")
def edge_server() -> Iterator[EdgeServer]:
    with EdgeServer() as server:
        yield server


@pytest.fixture(scope="session")
def edge(edge_server: EdgeServer) -> Iterator[QdrantClient]:
    client = edge_server.client()
    yield client
    client.close()


@pytest.fixture
def http(edge_server: EdgeServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=edge_server.url, timeout=30) as client:
        yield client


@pytest.fixture
def name(edge: QdrantClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    edge.delete_collection(name)


@pytest.fixture(scope="session")
def empty(edge: QdrantClient) -> Iterator[str]:
    """A collection without points that tests share; they only ask it what is refused."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    create(edge, name)
    yield name
    edge.delete_collection(name)
