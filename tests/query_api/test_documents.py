import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from rag_core.collection import MIB
from resources.clients.catalog import open_catalog
from resources.clients.catalog.values import StopKind
from tests.query_api.conftest import BACKUPS, BROKEN, COLLECTION, EMBEDDER, World
from tests.retrieval.small_index import id_of
from tests.services.postgres import PostgresServer


@pytest.fixture
def own_api(world: World, postgres: PostgresServer, tmp_path: Path) -> Iterator[TestClient]:
    """An API over a copy of the catalog, for tests that change it."""
    url = postgres.create_database(template=world.database_url)
    settings = world.settings(tmp_path, database_url=url)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://localhost") as client:
        client.headers["x-database"] = url
        yield client
    postgres.drop_database(url)


def test_a_document_shows_state_reason_history_and_points(api: TestClient) -> None:
    shown = api.get(f"/v1/documents/{id_of(COLLECTION, BACKUPS)}").json()
    assert (shown["state"], shown["newest_arrival"], shown["points"]) == ("pending", 4, 2)
    assert shown["indexed"]["version"] == "v1"
    assert shown["indexed"]["made_by"] == {
        "arrival": 0,
        "run_id": "run-1",
        "run_url": "http://dagster:3000/runs/run-1",
    }
    assert [(each["number"], each["state"]) for each in shown["arrivals"]] == [(4, "pending"), (0, "indexed")]
    broken = api.get(f"/v1/documents/{id_of(COLLECTION, BROKEN)}").json()
    assert broken["state"] == "quarantined"
    assert broken["reason"] == {
        "kind": "password-required",
        "message": "The PDF is encrypted.",
        "remedy": "Add its password.",
    }
    assert (broken["points"], broken["indexed"]) == (0, None)
    assert [(each["arrival"], each["kind"], each["run_id"]) for each in broken["failures"]] == [
        (3, "password-required", "run-1")
    ]


def test_documents_are_listed_by_state_and_page(api: TestClient) -> None:
    seen: list[str] = []
    after = None
    while True:
        parameters = {"collection": COLLECTION, "limit": 3} | ({"after": after} if after else {})
        page = api.get("/v1/documents", params=parameters).json()
        seen += [document["key"] for document in page["documents"]]
        after = page["next_after"]
        if after is None:
            break
    assert seen == ["backups.md", "board.md", "broken.pdf", "copy.md"]
    only = api.get("/v1/documents", params={"collection": COLLECTION, "state": "quarantined"}).json()
    assert [document["key"] for document in only["documents"]] == ["broken.pdf"]
    below = api.get("/v1/documents", params={"collection": COLLECTION, "prefix": "file:///h/b"}).json()
    assert [document["key"] for document in below["documents"]] == ["backups.md", "board.md", "broken.pdf"]


def test_a_collection_shows_documents_by_state_freshness_and_index(api: TestClient) -> None:
    (shown,) = api.get("/v1/collections").json()["collections"]
    assert shown["name"] == COLLECTION
    assert {state: number for state, number in shown["documents"].items() if number} == {
        "pending": 1,
        "indexed": 2,
        "quarantined": 1,
    }
    assert shown["waiting"] == 1
    assert shown["oldest_waiting_s"] >= 0
    assert shown["index"]["model_identity"] == "words@1"
    assert shown["index"]["filter_fields"]["year"] == "integer"
    assert shown["stopped_sources"] == []


def test_a_quarantined_document_is_due_again_and_others_are_not(own_api: TestClient) -> None:
    broken, kept = id_of(COLLECTION, BROKEN), id_of(COLLECTION, BACKUPS)
    assert own_api.post(f"/v1/documents/{broken}/retry").json() == {"retried": 1}
    assert own_api.get(f"/v1/documents/{broken}").json()["state"] == "pending"
    assert own_api.post(f"/v1/documents/{kept}/retry").status_code == 422


def test_all_quarantined_documents_of_a_kind_are_due_again(own_api: TestClient) -> None:
    path = f"/v1/collections/{COLLECTION}/retry"
    assert own_api.post(path, json={"kind": "no-text"}).json() == {"retried": 0}
    assert own_api.post(path, json={"kind": "password-required"}).json() == {"retried": 1}
    assert own_api.post(path, json={"state": "indexed"}).status_code == 422
    assert own_api.post(path, json={"kind": "nonsense"}).status_code == 422


def test_a_stopped_source_is_shown_with_what_a_person_confirms(own_api: TestClient) -> None:
    with open_catalog(own_api.headers["x-database"]) as catalog:
        catalog.sources.stop(COLLECTION, "samples", StopKind.ROOT_MISSING, "The folder is gone.", {"bytes": MIB})
    (shown,) = own_api.get("/v1/collections").json()["collections"]
    (stop,) = shown["stopped_sources"]
    assert (stop["source"], stop["kind"], stop["detail"]) == ("samples", "root-missing", {"bytes": MIB})


def test_an_unknown_document_is_a_404_with_a_remedy(api: TestClient) -> None:
    answer = api.get(f"/v1/documents/{uuid.uuid4()}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["remedy"]


def test_an_unknown_collection_is_a_problem_with_the_names_there_are(api: TestClient) -> None:
    for answer in (
        api.get("/v1/documents", params={"collection": "zzz"}),
        api.post("/v1/collections/zzz/retry", json={"state": "quarantined"}),
    ):
        assert answer.status_code == 422
        assert "'zzz'" in answer.json()["detail"]
        assert COLLECTION in answer.json()["detail"]
    assert api.get("/v1/documents", params={"collection": COLLECTION, "prefix": "nowhere"}).status_code == 200


def test_a_declared_collection_without_documents_is_an_empty_list(world: World, tmp_path: Path) -> None:
    (tmp_path / "fresh.yaml").write_text("name: fresh\nsources:\n  - {name: inbox, url: ./inbox}\n")
    settings = world.settings(tmp_path).model_copy(update={"collections": tmp_path})
    with TestClient(create_app(settings, hosts=("testserver",))) as api:
        answer = api.get("/v1/documents", params={"collection": "fresh"})
    assert (answer.status_code, answer.json()["documents"]) == (200, [])
