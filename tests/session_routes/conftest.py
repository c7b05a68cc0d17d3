"""The API over HTTP with sessions; a session's questions go through the real retriever."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.answers.conftest import Api, api, chat_server, served_once
from tests.query_api.conftest import COLLECTION, postgres, world
from tests.query_api.guarding import guarded_world, standing

__all__ = ["api", "chat_server", "guarded_world", "postgres", "served_once", "standing", "world"]


@dataclass(frozen=True)
class Talk:
    """A session of the served API."""

    api: Api
    id: str

    def ask(self, question: str, **more: Any) -> dict[str, Any]:
        return self.api.answer(question, **{"session_id": self.id, "generation": "extractive", **more})

    def refused(self, question: str, **more: Any) -> httpx.Response:
        return self.api.ask(question, **{"session_id": self.id, "generation": "extractive", **more})

    def messages(self) -> list[dict[str, Any]]:
        return send(self.api, "GET", f"/v1/sessions/{self.id}/messages").json()["messages"]


@pytest.fixture
def talk(api: Api) -> Iterator[Talk]:
    made = send(api, "POST", "/v1/sessions", json={"collections": [COLLECTION]})
    assert made.status_code == 201, made.text
    begun = Talk(api=api, id=made.json()["id"])
    yield begun
    send(api, "DELETE", f"/v1/sessions/{begun.id}")


def send(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    return httpx.request(method, f"{api.url}{path}", timeout=30, trust_env=False, **more)
