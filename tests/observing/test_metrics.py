"""What ``/metrics`` counts and measures, who may read it, and that nothing unbounded gets into a label."""

from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from query_api.observing import names
from rag_core.callers import Scope
from tests.observing.conftest import values
from tests.query_api.conftest import COLLECTION, EMBEDDER, World
from tests.query_api.guarding import SECRET, Guarded, guarded, guarded_world, standing
from tests.services.chat_server import ChatServer

__all__ = ["guarded", "guarded_world", "standing"]

Scrape = Callable[..., float | None]


def test_requests_are_counted_by_template_and_status(api: TestClient, scrape: Scrape) -> None:
    api.post("/v1/search", json={"collection": COLLECTION, "query": "backups"})
    api.post("/v1/search", json={"collection": "nowhere", "query": "backups"})
    for number in range(3):
        api.get(f"/v1/documents/00000000-0000-0000-0000-00000000000{number}")
        api.get(f"/no/such/path/{number}")
        api.request(f"BREW{number}", "/v1/search")
    name = names.REQUESTS.name
    assert scrape(name, method="POST", route="/v1/search", status="200") == 1
    assert scrape(name, method="POST", route="/v1/search", status="422") == 1
    assert scrape(name, method="GET", route="/v1/documents/{document_id}", status="404") == 3
    assert scrape(name, method="GET", route="unmatched", status="404") == 3
    assert scrape(name, method="OTHER", route="/v1/search", status="405") == 3
    assert scrape(f"{names.REQUEST_SECONDS.name}_count", method="POST", route="/v1/search") == 2
    assert scrape(names.IN_PROGRESS.name) == 1, "this very request"


def test_failures_of_a_route_are_exported_before_the_first_one(api: TestClient, scrape: Scrape) -> None:
    api.post("/v1/search", json={"collection": COLLECTION, "query": "backups"})
    for status in ("500", "503"):
        assert scrape(names.REQUESTS.name, method="POST", route="/v1/search", status=status) == 0


def test_each_stage_of_a_search_is_measured(api: TestClient, scrape: Scrape) -> None:
    api.post("/v1/search", json={"collection": COLLECTION, "query": "restores tested"})
    counts = {
        stage: scrape(f"{names.STAGE_SECONDS.name}_count", stage=stage)
        for stage in ("encode", "search", "read", "fuse", "quote", "queue", "first_token", "generate")
    }
    assert counts == {
        "encode": 1,
        "search": 1,
        "read": 1,
        "fuse": 1,
        "quote": 0,
        "queue": 0,
        "first_token": 0,
        "generate": 0,
    }


def test_abstentions_are_counted_by_reason(api: TestClient, scrape: Scrape) -> None:
    api.post("/v1/ask", json={"collection": COLLECTION, "question": "How many moons has Jupiter?"})
    api.post("/v1/ask", json={"collection": COLLECTION, "question": "How long are backups kept?"})
    assert scrape(names.ANSWERS.name, mode="extractive") == 2
    assert scrape(f"{names.STAGE_SECONDS.name}_count", stage="quote") == 2
    assert scrape(names.ABSTENTIONS.name, reason="not-in-passages") == 1
    assert scrape(names.ABSTENTIONS.name, reason="no-passages") == 0


def test_tokens_falls_and_places_of_the_chat_model_are_counted(world: World, model: ChatServer, tmp_path: Path) -> None:
    settings = world.settings(tmp_path, chat_url=model.url, chat_model="tiny", chat_concurrency="2", chat_queue="3")
    application = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    question = {"collection": COLLECTION, "question": "How long are backups kept?"}
    with TestClient(application, base_url="http://localhost") as api:
        assert api.post("/v1/ask", json=question).json()["generation"]["mode"] == "model"
        model.script.status = 500
        assert api.post("/v1/ask", json=question).json()["generation"]["fell_back"]
        model.script.status, model.script.pieces = 200, ["Nobody", " knows."]
        assert api.post("/v1/ask", json=question).json()["generation"]["fell_back"]
        found = values(api.get("/metrics").text)
    assert found[names.TOKENS.name, (("kind", "prompt"),)] == 100
    assert found[names.TOKENS.name, (("kind", "completion"),)] == 18
    assert found[names.FALLBACKS.name, (("because", "outage"),)] == 1
    assert found[names.FALLBACKS.name, (("because", "uncited"),)] == 1
    assert found[names.ANSWERS.name, (("mode", "model"),)] == 1
    assert found[names.ANSWERS.name, (("mode", "extractive"),)] == 2
    assert found[names.MODEL_PLACES.name, ()] == 5
    assert found[names.MODEL_WRITING.name, ()] == found[names.MODEL_WAITING.name, ()] == 0
    assert found[f"{names.STAGE_SECONDS.name}_count", (("stage", "generate"),)] == 3
    assert found[f"{names.STAGE_SECONDS.name}_count", (("stage", "first_token"),)] == 2


def test_every_exported_metric_has_its_name_in_one_place(api: TestClient) -> None:
    api.post("/v1/ask", json={"collection": COLLECTION, "question": "How long are backups kept?"})
    exported = {name for name, _ in values(api.get("/metrics").text)}
    declared = {series for metric in names.EVERY_METRIC for series in metric.series}
    assert exported <= declared, "nothing is exported that is not declared"
    of_streams = {names.DEAD_LETTERS, names.STREAM_LAG, names.QUEUE_WAITING, names.QUEUE_READ_AGE}
    of_others = {names.SWEEP_AGE, names.SWEEP_OVERDUE, names.BACKUP_AGE}  # no source is swept here, no backup taken
    not_here = {metric.name for metric in of_streams | of_others}
    assert declared - exported <= not_here, "and what is declared is exported"


def test_metrics_need_a_key_for_them(guarded: Guarded) -> None:
    assert guarded.api.get("/metrics").status_code == 401
    for scope in (Scope.READ, Scope.INGEST):
        assert guarded.api.get("/metrics", headers=guarded.key(scope)).status_code == 403
    for scope in (Scope.METRICS, Scope.ADMIN):
        answer = guarded.api.get("/metrics", headers=guarded.key(scope, collections=None))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    watching = guarded.key(Scope.METRICS, collections=None)
    assert (
        guarded.api.post("/v1/search", json={"collection": COLLECTION, "query": "x"}, headers=watching).status_code
        == 403
    )


def test_a_key_sees_figures_of_its_collections_alone_and_with_groups_none(guarded: Guarded) -> None:
    every = guarded.api.get("/metrics", headers=guarded.key(Scope.METRICS, collections=None)).text
    assert f'collection="{SECRET}"' in every
    assert f'collection="{COLLECTION}"' in every
    assert "rag_stream_lag_messages{" in every
    one = guarded.api.get("/metrics", headers=guarded.key(Scope.METRICS)).text
    assert f'collection="{COLLECTION}"' in one
    assert SECRET not in one
    grouped = guarded.api.get("/metrics", headers=guarded.key(Scope.METRICS, groups=["board"])).text
    assert "collection=" not in grouped
    assert names.REQUESTS.name in grouped


def test_requests_above_a_keys_rate_are_counted(guarded: Guarded) -> None:
    slow = guarded.key(Scope.READ, requests_per_minute=1)
    statuses = [guarded.api.get("/v1/collections", headers=slow).status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    found = values(guarded.api.get("/metrics", headers=guarded.key(Scope.METRICS)).text)
    assert found[names.RATE_LIMITED.name, ()] == 2
