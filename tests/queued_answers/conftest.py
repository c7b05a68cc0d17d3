"""An API with a catalog of its own, worker processes that answer what it queues, and a receiver of webhooks."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from query_api.queued.answering import QuestionWork
from tests.query_api.conftest import COLLECTION, EMBEDDER, postgres, world
from tests.query_api.guarding import Guarded, guarded, guarded_world
from tests.queued_answers.receiver import Receiver
from tests.services.chat_server import ChatServer

__all__ = ["guarded", "guarded_world", "postgres", "world"]
QUESTION = "How long are backups kept?"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def asked(guarded: Guarded, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Guarded]:
    """The API over the same catalog with the settings that a test changes through ``indirect``."""
    changed: dict[str, Any] = getattr(request, "param", {})
    settings = guarded.settings.model_copy(update=changed)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as api:
        yield replace(guarded, api=api, app=app, settings=settings)


def body(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"collection": COLLECTION, "question": question, "async": True, "generation": "extractive", **more}


def queue(asked: Guarded, key: dict[str, str], question: str = QUESTION, **more: Any) -> str:
    """Queue a question and return where its answer will be."""
    sent = asked.api.post("/v1/ask", json=body(question, **more), headers=key)
    assert sent.status_code == 202, sent.text
    return sent.json()["url"]


def look(asked: Guarded, key: dict[str, str], url: str) -> dict[str, Any]:
    shown = asked.api.get(url, headers=key)
    assert shown.status_code == 200, shown.text
    return shown.json()


def answer_all(asked: Guarded) -> int:
    """Answer what is due as a worker does, in this process; return how many questions there were."""
    connections = Connections(asked.settings, open_model=lambda _: EMBEDDER)

    async def work() -> int:
        questions, count = QuestionWork(connections), 0
        while (taken := questions.take()) is not None:
            await questions.work(taken)
            count += 1
        await connections.close_answerer()
        return count

    try:
        return asyncio.run(work())
    finally:
        connections.close()
