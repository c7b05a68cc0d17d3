"""The real server process with the real model, asked as a person would ask it: meaning, not shared words, decides."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from qdrant_client import QdrantClient

from resources.clients.embedders import open_embedder
from tests.qdrant.server import EdgeServer
from tests.retrieval.small_index import Doc, write_index
from tests.services.loopback import free_port, wait_until

MODEL = "all-MiniLM-L6-v2"
ROOT = Path(__file__).resolve().parents[2]
DOCS = (
    Doc(
        uri="file:///ops", texts=["Backups of the database are kept for thirty days. Older ones are removed at night."]
    ),
    Doc(uri="file:///food", texts=["The canteen serves soup and bread at noon. On Fridays there is fish."]),
    Doc(
        uri="file:///travel", texts=["Train tickets are booked by the office. Flights need the approval of a director."]
    ),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def api(edge: EdgeServer, qdrant: QdrantClient, collection: str, cache: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    embedder = open_embedder(MODEL, threads=1, cache_dir=cache)
    write_index(qdrant, collection, embedder, DOCS)
    embedder.close()
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    settings = {"RAG_HOME": str(tmp_path), "RAG_QDRANT_URL": edge.url, "RAG_API_PORT": str(port), "RAG_AUTH": "off"}
    process = subprocess.Popen(
        [sys.executable, "-m", "query_api"], env={**kept, **settings, "RAG_MODEL_CACHE": str(cache)}, cwd=ROOT
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            wait_until(lambda: _answers(client), what="the query API to answer")
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode in {0, -15}


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_meaning_finds_and_quotes_what_no_word_would(api: httpx.Client, collection: str) -> None:
    dense = {"collection": collection, "query": "How do I get permission to go by plane?", "mode": "dense", "top_k": 1}
    (found,) = api.post("/v1/search", json=dense).json()["results"]
    assert found["uri"] == "file:///travel"
    answer = api.post("/v1/ask", json={"collection": collection, "question": "How long are database backups kept?"})
    assert answer.json()["answer"].startswith("Backups of the database are kept for thirty days. [1]")
    foreign = {"collection": collection, "question": "Who won the chess world championship in 1972?"}
    assert api.post("/v1/ask", json=foreign).json()["reason"] == "not-in-passages"
