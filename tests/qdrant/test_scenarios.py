"""One suite for every engine: this server, qdrant-client's local mode, and a real Qdrant server where there is one."""

import os
import uuid
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from tests.qdrant.comparing import plain, same
from tests.qdrant.corpus import INDEXED, fill
from tests.qdrant.scenarios import SCENARIOS

REAL_URL = "RAG_TEST_QDRANT_URL"
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


@pytest.fixture(scope="module")
def local() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    yield client
    client.close()


@pytest.fixture(scope="module")
def filled(edge: QdrantClient, local: QdrantClient) -> Iterator[str]:
    """A collection of that name in this server and in local mode, for scenarios that only read."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    fill(edge, name, indexed=INDEXED)
    fill(local, name, indexed=INDEXED)
    yield name
    edge.delete_collection(name)


@pytest.mark.parametrize("title", SCENARIOS)
def test_this_server_answers_like_local_mode(
    title: str, edge: QdrantClient, local: QdrantClient, name: str, filled: str
) -> None:
    scenario = SCENARIOS[title]
    asked = filled if scenario.only_reads else name
    ours, theirs = plain(scenario.run(edge, asked)), plain(scenario.run(local, asked))
    if scenario.local_differs is None:
        assert same(ours, theirs), f"\nthis server {ours}\nlocal mode  {theirs}"
    else:
        assert not same(ours, theirs), f"local mode no longer differs: {scenario.local_differs}"


@pytest.mark.skipif(REAL_URL not in os.environ, reason=f"no real Qdrant server: {REAL_URL} is not set")
def test_this_server_answers_like_a_real_server(edge: QdrantClient) -> None:
    real = QdrantClient(url=os.environ[REAL_URL], prefer_grpc=False, check_compatibility=False, timeout=60)
    differing: list[str] = []
    for title, scenario in SCENARIOS.items():
        name = f"test-{uuid.uuid4().hex[:12]}"
        try:
            if scenario.only_reads:
                fill(edge, name, indexed=INDEXED)
                fill(real, name, indexed=INDEXED)
            ours, theirs = plain(scenario.run(edge, name)), plain(scenario.run(real, name))
        finally:
            edge.delete_collection(name)
            real.delete_collection(name)
        if not same(ours, theirs):
            differing.append(f"{title}\nthis server {ours}\nreal server {theirs}")
    real.close()
    assert not differing, "\n\n".join(differing)
