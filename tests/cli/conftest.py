"""The command line against a real API on a real port, with the world of the API's tests behind it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from query_api.app import create_app
from query_api.connections import Connections
from tests.command_line import Rag, in_this_process
from tests.query_api.conftest import COLLECTION, EMBEDDER, World, postgres, world
from tests.services.loopback import free_port, wait_until

__all__ = ["postgres", "world"]


@pytest.fixture(scope="session")
def api_url(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = world.settings(tmp_path_factory.mktemp("api"))
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, what="the query API to listen")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def rag(
    world: World, api_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Rag:
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAG_COLLECTIONS", str(tmp_path / "collections"))
    monkeypatch.setenv("RAG_DATABASE_URL", world.database_url)
    monkeypatch.setenv("RAG_API_URL", api_url)
    monkeypatch.setenv("COLUMNS", "200")

    return in_this_process(monkeypatch, capsys)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A collection file with an inbox, beside it."""
    folder = tmp_path / "collections"
    folder.mkdir()
    text = f"name: {COLLECTION}\nsources:\n  - {{name: inbox, url: ../inbox, include: ['**/*.md'], create: true}}\n"
    (folder / "handbook.yaml").write_text(text)
    return tmp_path / "inbox"
