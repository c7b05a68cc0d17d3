"""The world of the API's tests, and metrics as Prometheus reads them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from query_api.app import create_app
from query_api.connections import Connections
from tests.query_api.conftest import EMBEDDER, World, api, app, postgres, world
from tests.services.chat_server import ChatServer
from tests.services.otlp import OtlpReceiver

__all__ = ["api", "app", "postgres", "world"]

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def values(text: str) -> Values:
    """Return every sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def scrape(api: TestClient) -> Callable[..., float | None]:
    """Look one value up; None where it is not exported."""

    def look(name: str, **labels: str) -> float | None:
        return values(api.get("/metrics").text).get((name, tuple(sorted(labels.items()))))

    return look


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def traced(world: World, receiver: OtlpReceiver, model: ChatServer, tmp_path: Path) -> Iterator[TestClient]:
    """An API with a chat model that sends its spans."""
    settings = world.settings(tmp_path, chat_url=model.url, chat_model="tiny", otlp_endpoint=receiver.url)
    application = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    with TestClient(application, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client
