"""The API served over HTTP, its index real, its chat model a real server that says what a test tells it to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from query_api.app import create_app
from query_api.connections import Connections
from tests.query_api.conftest import COLLECTION, EMBEDDER, World, postgres, world
from tests.services.chat_server import ChatServer
from tests.services.served_app import served

__all__ = ["postgres", "world"]
QUESTION = "How long are backups kept?"
FOREIGN = "Which volcano erupted near Reykjavik yesterday?"
GOOD = ("Backups are ", "kept for thirty ", "days [1", "]", ".")


@dataclass(frozen=True)
class Api:
    """The served API and its chat server."""

    url: str
    chat: Any  # the ChatServer, None in tests without one

    def ask(self, question: str = QUESTION, **more: Any) -> httpx.Response:
        body = {"collection": COLLECTION, "question": question, **more}
        return httpx.post(f"{self.url}/v1/ask", json=body, timeout=30, trust_env=False)

    def answer(self, question: str = QUESTION, **more: Any) -> dict[str, Any]:
        response = self.ask(question, **more)
        assert response.status_code == 200, response.text
        return response.json()


def serve(world: World, home: Path, **changed: Any) -> Any:
    """Return the API as a context that gives its URL."""
    settings = world.settings(home, **changed)
    return served(create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER)))


@pytest.fixture(scope="session")
def chat_server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture(scope="session")
def served_once(world: World, chat_server: ChatServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    changed = {"chat_url": chat_server.url, "chat_model": "tiny", "chat_concurrency": "2", "chat_queue": "1"}
    with serve(world, tmp_path_factory.mktemp("home"), **changed, chat_seed="11") as url:
        yield url


@pytest.fixture
def api(served_once: str, chat_server: ChatServer) -> Iterator[Api]:
    chat_server.say(*GOOD)
    chat_server.requests.clear()
    yield Api(url=served_once, chat=chat_server)
    chat_server.release()
