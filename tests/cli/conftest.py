"""The command line against a real API on a real port, with the world of the API's tests behind it."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from local_stack.cli.main import main
from query_api.app import create_app
from query_api.connections import Connections
from tests.query_api.conftest import COLLECTION, EMBEDDER, World, postgres, world
from tests.services.loopback import free_port, wait_until

__all__ = ["postgres", "world"]


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Rag = Callable[..., Ran]


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

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rag", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ran(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A collection file with an inbox, beside it."""
    folder = tmp_path / "collections"
    folder.mkdir()
    text = f"name: {COLLECTION}\nsources:\n  - {{name: inbox, url: ../inbox, include: ['**/*.md'], create: true}}\n"
    (folder / "handbook.yaml").write_text(text)
    return tmp_path / "inbox"
