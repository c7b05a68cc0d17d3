"""A real Prometheus scrapes a loaded stack: panels are answered, and alerts fire for what is done to the stack."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from qdrant_client import models

from query_api.observing import names
from query_api.observing.names import Metric
from resources.clients.qdrant.connect import connect
from tests.deploy.observability.conftest import Prometheus, watched_stack
from tests.e2e.stack import Stack
from tests.observability.dashboards import FILES, expressions, filled_in

pytestmark = pytest.mark.deploy

NOT_HERE = {
    names.STREAM_LAG,
    names.DEAD_LETTERS,
    names.QUEUE_WAITING,
    names.QUEUE_READ_AGE,
    names.BACKUP_AGE,
}
"""This stack has no stream, no queue and no backup: nothing is exported of them, and their panels stay empty."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, shelf: Path, worker_port: int) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with watched_stack(folder, shelf, worker_metrics=f"127.0.0.1:{worker_port}") as running:
        yield running


@contextmanager
def loaded(stack: Stack) -> Iterator[None]:
    """Documents come, are searched and asked about, at once and asynchronously, while the block lasts."""
    ended, faults = threading.Event(), list[str]()

    def load() -> None:
        number = 0
        with httpx.Client(base_url=str(stack.api.base_url), timeout=30) as client:
            while not ended.wait(0.1):
                number += 1
                if number % 10 == 1:
                    text = f"# Pier {number}\n\nThe pier number {number} is swept on Mondays.\n"
                    client.post(
                        "/v1/documents", params={"collection": "notes"}, files={"file": (f"p{number}.md", text)}
                    )
                asked = {"collection": "notes", "question": f"When is pier {number} swept?"}
                answers = [
                    client.post("/v1/search", json={"collection": "notes", "query": "pier"}),
                    client.post("/v1/ask", json=asked),
                    client.post("/v1/ask", json=asked | {"async": number % 5 == 0}),
                ]
                faults.extend(answer.text for answer in answers if answer.status_code >= 500)

    working = threading.Thread(target=load)
    working.start()
    try:
        yield
    finally:
        ended.set()
        working.join()
    assert faults == []


def test_the_dashboards_are_answered_and_nothing_fires_while_all_is_well(stack: Stack, prometheus: Prometheus) -> None:
    stack.write("harbour/first.md", "# The harbour\n\nBoats are counted at half past four.\n")
    stack.wait_settled(["harbour/first.md"])
    panels = [(title, expression) for file in FILES for title, expression in expressions(file)]
    with loaded(stack):
        stack.wait_for("documents, searchable", lambda: prometheus.value("sum(rag_documents{state='indexed'}) > 32"))
        stack.wait_for(
            "ratios of the last minute", lambda: prometheus.value("collection:rag_late_arrivals:ratio_rate5m")
        )
        empty = {title: expression for title, expression in panels if not shown(prometheus, expression)}
        known = set(prometheus.ask("label/__name__/values"))
        assert prometheus.firing().keys() == set()
    assert {title for title, expression in empty.items() if not is_not_here(expression)} == set()
    assert {metric.name for metric in names.EVERY_METRIC if not metric.series & known} == {
        metric.name for metric in NOT_HERE
    }


def shown(prometheus: Prometheus, expression: str) -> bool:
    """Say whether a panel shows anything; an error fails the test."""
    return bool(prometheus.value(filled_in(expression, rate="20s")))


def is_not_here(expression: str) -> bool:
    return any(asks_for(metric, expression) for metric in NOT_HERE)


def asks_for(metric: Metric, expression: str) -> bool:
    return re.search(rf"\b{metric.name}\b", expression) is not None


def test_alerts_fire_for_what_is_done_to_the_stack(stack: Stack, prometheus: Prometheus, shelf: Path) -> None:
    for number in range(8):
        stack.write(f"harbour/broken-{number}.pdf", "%PDF-1.7 and nothing that belongs to one")
    client = connect(f"http://127.0.0.1:{stack.ports['QDRANT']}")
    held, _ = client.scroll("notes", limit=2)
    client.delete("notes", models.PointIdsList(points=[point.id for point in held]), wait=True)
    client.close()
    for book in list(shelf.iterdir())[:25]:
        book.unlink()
    wanted = {"RagQuarantineRate", "RagSourceStopped", "RagIndexMissesPoints"}
    fired: dict[str, dict[str, str]] = {}

    def all_fired() -> bool:
        fired.update({name: alert["annotations"] for name, alert in prometheus.firing().items()})
        return wanted <= fired.keys()

    stack.wait_for(f"{wanted} fire", all_fired)
    assert fired.keys() == wanted
    assert fired["RagSourceStopped"]["summary"].startswith("shelf: 1 sources")
    assert fired["RagIndexMissesPoints"]["summary"] == "notes: the index lacks 2 points that the catalog says it holds"
    assert "<error" not in str(fired)

    stack.rag("audit", "notes", "--repair")
    stack.rag("sources", "confirm", "shelf", "folder", "--yes")
    stack.wait_for(
        "drift and stop are over", lambda: not {"RagSourceStopped", "RagIndexMissesPoints"} & set(prometheus.firing())
    )


def test_an_api_that_is_gone_is_told(stack: Stack, prometheus: Prometheus) -> None:
    stack.rag("down")
    stack.wait_for("RagApiDown fires", lambda: "RagApiDown" in prometheus.firing())
