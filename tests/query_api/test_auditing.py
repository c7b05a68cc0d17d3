"""The audit log says who did what, the id of a request is on everything it causes, and neither holds a key."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from query_api import auditing
from query_api.auditing import AuditTrail, Note
from rag_core.callers import Scope
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import open_catalog
from resources.clients.catalog.audit import AuditEntry
from tests.catalog.observing import rows
from tests.query_api.conftest import BACKUPS, COLLECTION, World
from tests.query_api.guarding import SECRET, Guarded, document, guarded, guarded_world, standing
from tests.services.loopback import wait_until
from tests.services.postgres import PostgresServer

__all__ = ["guarded", "guarded_world", "standing"]


def entry(number: int = 0, *, at: datetime | None = None) -> AuditEntry:
    return AuditEntry(
        at=at or datetime.now(UTC),
        request_id=f"r{number}",
        key_id="k",
        key_name="n",
        action="search",
        collection="c",
        subject=str(number),
        status=200,
        duration_ms=1,
    )


def test_who_asked_and_uploaded_what_is_kept_with_its_end(guarded: Guarded) -> None:
    key = guarded.key(Scope.READ, Scope.INGEST, name="anna")
    api = guarded.api
    api.post("/v1/search", json={"collection": COLLECTION, "query": "backups"}, headers=key)
    api.post("/v1/ask", json={"collection": COLLECTION, "question": "How long are backups kept?"}, headers=key)
    api.post("/v1/search", json={"collection": SECRET, "query": "payroll"}, headers=key)
    guarded.upload(key, COLLECTION, name="plan.md")
    api.post(f"/v1/collections/{COLLECTION}/retry", json={}, headers=key)
    api.get("/v1/collections", headers=key)
    wait_until(lambda: len(guarded.catalog.audit.page(key="anna")) == 5, what="the entries to be written")
    kept = [each for _, each in reversed(guarded.catalog.audit.page(key="anna"))]
    assert [(each.action, each.collection, each.subject, each.status) for each in kept] == [
        ("search", COLLECTION, "backups", 200),
        ("ask", COLLECTION, "How long are backups kept?", 200),
        ("search", SECRET, "payroll", 422),
        ("upload", COLLECTION, "plan.md", 202),
        ("refused", "", f"POST /v1/collections/{COLLECTION}/retry", 403),
    ]
    assert {each.key_name for each in kept} == {"anna"}
    assert all(each.duration_ms >= 0 and each.request_id and each.key_id for each in kept)


def test_no_key_and_no_body_is_in_the_log(guarded: Guarded) -> None:
    key = guarded.key(Scope.ADMIN, name="quiet")
    secret = key["Authorization"].rsplit("_", 1)[1]
    guarded.upload(key, COLLECTION, text="the content of the file")
    guarded.api.post("/v1/search", json={"collection": COLLECTION, "query": "x"}, headers=key)
    wait_until(lambda: len(guarded.catalog.audit.page()) == 2, what="the entries to be written")
    logged = str(rows(guarded.settings.require("database_url"), "SELECT audit::text FROM audit"))
    assert secret not in logged
    assert "the content" not in logged


def test_entries_are_written_when_the_server_stops(world: World, postgres: PostgresServer, tmp_path: Path) -> None:
    from query_api.app import create_app

    url = postgres.create_database(template=world.database_url)
    settings = world.settings(tmp_path, database_url=url)
    with TestClient(create_app(settings), base_url="http://localhost") as api:
        api.post(f"/v1/documents/{document(COLLECTION, BACKUPS)}/retry")
    with open_catalog(url) as catalog:
        [kept] = [each for _, each in catalog.audit.page() if each.action == "retry"]
    assert (kept.action, kept.key_name, kept.key_id, kept.status) == ("retry", "local", "", 422)
    assert kept.subject == BACKUPS.uri
    postgres.drop_database(url)


def test_entries_wait_while_the_catalog_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_GATHERED_S", 0.01)
    monkeypatch.setattr(auditing, "_RETRY_S", 0.01)
    kept: list[AuditEntry] = []
    away = threading.Event()
    away.set()

    def append(entries: Sequence[AuditEntry]) -> None:
        if away.is_set():
            refusals.append(1)
            raise DependencyUnavailable("away", dependency="catalog")
        kept.extend(entries)

    refusals: list[int] = []
    trail = AuditTrail(append)
    for number in range(3):
        trail.keep(entry(number))
    wait_until(lambda: len(refusals) > 1, what="a second attempt")
    away.clear()
    trail.close()
    assert [each.subject for each in kept] == ["0", "1", "2"]


def test_no_more_entries_wait_than_there_is_room_for_and_the_loss_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auditing, "MAX_WAITING", 2)

    def append(_: Sequence[AuditEntry]) -> None:
        raise DependencyUnavailable("away", dependency="catalog")

    trail = AuditTrail(append)
    for number in range(5):
        trail.keep(entry(number))
    trail.close()
    assert "5 entries of the audit log were lost." in caplog.text


def test_a_subject_is_bounded_and_storable() -> None:
    note = Note()
    note.of("ask", collection="c", subject="\0\ud800" + "x" * 10_000)
    assert note.subject.startswith("?x")
    assert len(note.subject) == auditing.MAX_SUBJECT_CHARACTERS


def test_the_log_is_read_by_key_and_time_and_forgets_what_is_old(guarded: Guarded) -> None:
    log = guarded.catalog.audit
    now = datetime.now(UTC)
    log.append([entry(number, at=now - timedelta(days=10 * number)) for number in range(3)])
    assert [each.subject for _, each in log.page(key="n")] == ["2", "1", "0"]
    assert [each.subject for _, each in log.page(since=now - timedelta(days=11))] == ["1", "0"]
    [(first, _)] = log.page(limit=1)
    assert [each.subject for _, each in log.page(before=first)] == ["1", "0"]
    assert log.page(key="another") == []
    assert log.prune(days=5) == 2
    assert [each.subject for _, each in log.page()] == ["0"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"X-Request-ID": "order-17.a_b"}, "order-17.a_b"),
        ({"X-Request-ID": "x" * 128}, "x" * 128),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "ab" * 16),
        ({"X-Request-ID": "mine", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "mine"),
    ],
)
def test_a_request_keeps_the_id_it_came_with(api: TestClient, sent: dict[str, str], expected: str) -> None:
    assert api.get("/healthz", headers=sent).headers["x-request-id"] == expected


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"X-Request-ID": ""},
        {"X-Request-ID": "x" * 129},
        {"X-Request-ID": "a b"},
        {"X-Request-ID": "a;b"},
        {"traceparent": f"00-{'0' * 32}-{'cd' * 8}-01"},
        {"traceparent": "00-xyz"},
    ],
)
def test_an_id_that_is_not_usable_is_replaced(api: TestClient, sent: dict[str, str]) -> None:
    made = {api.get("/healthz", headers=sent).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(each) == 32 and each.isalnum() for each in made)


def test_every_answer_has_an_id(standing: Guarded) -> None:
    api, key = standing.api, standing.key()

    def defect() -> None:
        raise RuntimeError

    standing.app.add_api_route("/defect", defect)
    answers = [
        (200, api.get("/v1/collections", headers=key)),
        (401, api.get("/v1/collections")),
        (404, api.get("/nothing", headers=key)),
        (413, api.post("/v1/search", content=b" " * 300_000, headers=key)),
        (421, api.get("/healthz", headers={"host": "evil.example"})),
        (422, api.post("/v1/search", headers=key)),
        (500, api.get("/defect", headers=key)),
    ]
    for status, answer in answers:
        assert (answer.status_code, len(answer.headers.get_list("x-request-id"))) == (status, 1)
