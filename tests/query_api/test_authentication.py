"""Who is let in: nobody without a valid key, and each only to what the key is for."""

import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from httpx import RemoteProtocolError, Response, stream

from query_api.app import create_app
from query_api.auditing import Auditing
from query_api.authentication import AGAIN_AFTER_S, KEPT_S, PUBLIC_PATHS, Authentication, KeyRing
from query_api.exposure import host_names
from query_api.rate_limits import RateLimits
from rag_core.api_keys import KeyText
from rag_core.callers import LOCAL, Scope
from rag_core.errors import ConfigurationError
from resources.clients.catalog.audit import AuditEntry
from resources.clients.catalog.keys import StoredKey
from resources.clients.settings import Settings
from tests.catalog.observing import rows
from tests.query_api.conftest import COLLECTION
from tests.query_api.guarding import Guarded, guarded, guarded_world, standing
from tests.services.loopback import free_port, wait_until
from tests.services.served_app import served

__all__ = ["guarded", "guarded_world", "standing"]

SEARCH = {"collection": COLLECTION, "query": "backups"}


def search(guarded: Guarded, key: dict[str, str]) -> Response:
    return guarded.api.post("/v1/search", json=SEARCH, headers=key)


def test_nothing_but_the_public_paths_is_answered_without_a_key(standing: Guarded) -> None:
    paths = {re.sub(r"\{[a-z_]+\}", "x", path) for path in standing.app.openapi()["paths"]}
    for path in {*paths, "/nothing", "/docs/", "/v1"} - PUBLIC_PATHS:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = standing.api.request(method, path, content=b"{")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    for path in PUBLIC_PATHS - {"/livez"}:
        assert standing.api.get(path).status_code in {200, 503}, path


def test_every_invalid_key_gets_the_same_answer(guarded: Guarded) -> None:
    valid = guarded.key(name="valid")["Authorization"].removeprefix("Bearer ")
    ended = guarded.key(name="ended", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = guarded.key(name="revoked")
    guarded.catalog.keys.revoke("revoked")
    wrong = f"{valid[:-1]}{'A' if valid[-1] != 'A' else 'B'}"
    sent = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic cmFnOnJhZw=="},
        {"Authorization": f"Bearer {wrong}"},
        {"Authorization": f"Bearer {KeyText.new().text}"},
        {"Authorization": f"Bearer {valid} "[:-2]},
        {"X-API-Key": "ключ".encode()},
        {"X-API-Key": "x" * 10_000},
        ended,
        revoked,
    ]
    answers = {(answer.status_code, answer.text) for answer in (search(guarded, key) for key in sent)}  # pyright: ignore[reportArgumentType] - bytes are a header's value, too
    assert [status for status, _ in answers] == [401]


def test_a_key_is_sent_as_a_bearer_token_or_in_a_header_of_its_own(standing: Guarded) -> None:
    key = standing.key()["Authorization"].removeprefix("Bearer ")
    for headers in ({"Authorization": f"bearer  {key}"}, {"X-API-Key": key}):
        assert search(standing, headers).status_code == 200


def test_a_revoked_key_that_was_just_used_is_believed_for_less_than_two_seconds(guarded: Guarded) -> None:
    key = guarded.key(name="leaving")
    assert search(guarded, key).status_code == 200
    guarded.catalog.keys.revoke("leaving")
    wait_until(lambda: search(guarded, key).status_code == 401, what="the revocation to be known", limit_s=30)
    assert KEPT_S + AGAIN_AFTER_S <= 2


def test_a_key_costs_no_look_up_while_it_is_kept_and_ends_on_time_all_the_same() -> None:
    made, asked = KeyText.new(), []

    def find(key_id: str) -> StoredKey:
        asked.append(key_id)
        return stored

    headers = {b"x-api-key": made.text.encode()}
    stored = _stored(made, expires_at=datetime.now(UTC) + timedelta(days=1))
    ring = KeyRing(find, kept_s=60)
    for _ in range(3):
        assert anyio.run(ring.key_of, headers) == stored
    assert asked == [made.id]
    stored = _stored(made, expires_at=datetime.now(UTC) - timedelta(days=1))
    ended = KeyRing(find, kept_s=60)
    assert anyio.run(ended.key_of, headers) is None
    assert anyio.run(ended.key_of, headers) is None
    assert len(asked) == 2


def test_an_open_stream_ends_when_its_key_is_revoked(guarded: Guarded) -> None:
    key = guarded.key(Scope.INGEST, name="watcher")
    job = guarded.upload(key, COLLECTION)["job_id"]
    guarded.catalog.keys.revoke("watcher")
    # The stream begins with what the server still believes, and would go on for an hour.
    answer = guarded.api.get(f"/v1/jobs/{job}/events", headers=key)
    assert (answer.status_code, answer.text.startswith("retry: ")) == (200, True)


@pytest.mark.parametrize(("has_begun", "status"), [(False, 401), (True, 200)])
def test_a_key_that_ends_while_it_is_answered_gets_no_answer_or_sees_that_it_breaks_off(
    has_begun: bool, status: int
) -> None:
    made, tomorrow = KeyText.new(), datetime.now(UTC) + timedelta(days=1)
    kept: dict[str, AuditEntry] = {}
    live: dict[str, StoredKey] = {made.id: _stored(made, expires_at=tomorrow)}

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        del receive
        scope["state"]["note"].of("ask")
        begin = {"type": "http.response.start", "status": 200, "headers": []}
        if has_begun:
            await send(begin)
            await send({"type": "http.response.body", "body": b"a token", "more_body": True})
        live.clear()
        if not has_begun:
            await send(begin)
        await send({"type": "http.response.body", "body": b"the answer", "more_body": has_begun})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    audited = Auditing(slow, keep=lambda entry: kept.update({entry.action: entry}))
    ring, limits = KeyRing(live.get, kept_s=0), RateLimits()
    app = Authentication(audited, ring=ring, limits=limits, per_minute=600, again_after_s=0)
    read = b""
    with served(app) as url, stream("GET", f"{url}/v1/x", headers={"X-API-Key": made.text}) as answer:
        assert answer.status_code == status
        with pytest.raises(RemoteProtocolError) if has_begun else nullcontext():
            for part in answer.iter_bytes():
                read += part
    assert b"the answer" not in read
    assert (b"a token" in read, b"no valid one was sent" in read) == (has_begun, not has_begun)
    assert kept["ask"].status == status


def test_a_scope_that_is_too_small_is_403_whatever_there_is(standing: Guarded) -> None:
    reader, uploader = standing.key(Scope.READ), standing.key(Scope.INGEST)
    for name in (COLLECTION, "nowhere"):
        refused = [
            standing.api.post(
                "/v1/documents", params={"collection": name}, files={"file": ("a", b"x")}, headers=reader
            ),
            standing.api.post("/upload", params={"collection": name}, files={"file": ("a", b"x")}, headers=reader),
            standing.api.post(f"/v1/collections/{name}/retry", json={}, headers=uploader),
            standing.api.post("/v1/documents/5b0e1c5e-0000-4000-8000-000000000000/retry", headers=reader),
            standing.api.post("/v1/search", json={"collection": name, "query": "x"}, headers=uploader),
            standing.api.post("/v1/ask", json={"collection": name, "question": "x"}, headers=uploader),
            standing.api.get("/v1/documents", params={"collection": name}, headers=uploader),
            standing.api.get("/v1/collections", headers=uploader),
            standing.api.get("/v1/streams", headers=uploader),
        ]
        assert {(answer.status_code, answer.headers["content-type"]) for answer in refused} == {
            (403, "application/problem+json")
        }


def test_an_administrators_key_may_do_everything_in_its_collections(standing: Guarded) -> None:
    admin = standing.key(Scope.ADMIN)
    assert search(standing, admin).status_code == 200
    job = standing.upload(admin, COLLECTION)["job_id"]
    assert standing.api.get(f"/v1/jobs/{job}", headers=admin).status_code == 200
    assert standing.api.post(f"/v1/collections/{COLLECTION}/retry", json={}, headers=admin).status_code == 200


def test_uploads_and_their_jobs_belong_to_the_key_that_sent_them(standing: Guarded) -> None:
    one = standing.key(Scope.INGEST, Scope.READ, name="one")
    other = standing.key(Scope.INGEST, Scope.READ, name="other")
    mine, theirs = standing.upload(one, COLLECTION, text="one"), standing.upload(other, COLLECTION, text="other")
    uris = [each["jobs"][0]["uri"] for each in (mine, theirs)]
    assert [uri.rsplit("/", 2)[1] for uri in uris] == ["one", "other"]
    assert standing.api.get(f"/v1/jobs/{mine['job_id']}", headers=one).status_code == 200
    hidden = standing.api.get(f"/v1/jobs/{mine['job_id']}", headers=other)
    assert (hidden.status_code, hidden.json()["detail"]) == (404, f"There is no job {mine['job_id']}.")
    admin = standing.key(Scope.ADMIN)
    assert standing.api.get(f"/v1/jobs/{mine['job_id']}", headers=admin).status_code == 200


def test_a_key_that_takes_over_has_the_uploads_of_the_one_before(standing: Guarded) -> None:
    before = standing.key(Scope.INGEST, name="rotated")
    job = standing.upload(before, COLLECTION)["job_id"]
    after = standing.key(Scope.INGEST, name="rotated", takes_over=True)
    assert standing.api.get(f"/v1/jobs/{job}", headers=after).status_code == 200


def test_a_key_sends_so_many_requests_a_minute_and_others_are_not_held_up(standing: Guarded) -> None:
    slow, other = standing.key(requests_per_minute=2), standing.key()
    assert [search(standing, slow).status_code for _ in range(3)] == [200, 200, 429]
    refused = search(standing, slow)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["content-type"] == "application/problem+json"
    assert search(standing, other).status_code == 200


def test_a_bucket_fills_steadily_and_holds_a_minutes_worth() -> None:
    now_s = 0.0
    limits = RateLimits(clock=lambda: now_s)
    assert [limits.wait_s("a", 60) for _ in range(60)] == [0.0] * 60
    assert limits.wait_s("a", 60) == pytest.approx(1.0)
    now_s = 0.5
    assert limits.wait_s("a", 60) == pytest.approx(0.5)
    now_s = 1.0
    assert limits.wait_s("a", 60) == 0.0
    now_s = 1000.0
    assert [limits.wait_s("a", 60) for _ in range(61)][-1] > 0


def test_without_the_catalog_nobody_is_let_in(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=f"postgresql://rag@127.0.0.1:{free_port()}/rag")
    with TestClient(create_app(settings), base_url="http://localhost") as api:
        answer = api.post("/v1/search", json=SEARCH, headers={"X-API-Key": KeyText.new().text})
        assert (answer.status_code, answer.json()["dependency"]) == (503, "catalog")
        assert int(answer.headers["retry-after"]) > 0
        assert api.post("/v1/search", json=SEARCH).status_code == 401


def test_a_server_without_keys_calls_everybody_local_whatever_they_send(api: TestClient) -> None:
    for headers in ({}, {"Authorization": "Bearer of-another-service"}):
        assert api.post("/v1/search", json=SEARCH, headers=headers).status_code == 200


def test_a_server_without_keys_must_listen_on_loopback(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "rag.example"):  # noqa: S104 - refused
        with pytest.raises(ConfigurationError, match="RAG_AUTH=off") as raised:
            create_app(Settings(home=tmp_path, auth="off", api_host=host))
        assert "rag keys create" in raised.value.remedy
        create_app(Settings(home=tmp_path, api_host=host))
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        create_app(Settings(home=tmp_path, auth="off", api_host=host))


@pytest.mark.parametrize(
    ("given", "name", "is_ours"),
    [
        ({}, "localhost", True),
        ({}, "rag.example", False),
        ({"api_host": "0.0.0.0"}, "rag.example", True),  # noqa: S104 - keys are asked for
        ({"api_host": "0.0.0.0", "api_hosts": "rag.example"}, "other.example", False),  # noqa: S104 - as above
        ({"api_host": "0.0.0.0", "api_hosts": "rag.example"}, "rag.example", True),  # noqa: S104 - as above
        ({"api_host": "192.0.2.1"}, "192.0.2.1", True),
        ({"api_host": "192.0.2.1"}, "rag.example", False),
        ({"api_host": "2001:db8::1"}, "[2001:db8::1]", True),
    ],
)
def test_host_names_follow_the_address(given: dict[str, str], name: str, is_ours: bool, tmp_path: Path) -> None:
    names = host_names(Settings(home=tmp_path, **given))  # pyright: ignore[reportArgumentType] - as the environment says them
    assert ("*" in names or name in names) == is_ours


def test_the_schema_says_how_to_send_a_key_only_where_one_is_needed(standing: Guarded, api: TestClient) -> None:
    guarded_schema, open_schema = standing.api.get("/openapi.json").json(), api.get("/openapi.json").json()
    assert set(guarded_schema["components"]["securitySchemes"]) == {"bearer", "header"}
    assert "securitySchemes" not in open_schema["components"]
    for path, operations in guarded_schema["paths"].items():
        for operation in operations.values():
            assert operation["security"] == ([] if path in PUBLIC_PATHS else [{"bearer": []}, {"header": []}])
            declared = operation["responses"].keys()
            assert path in PUBLIC_PATHS or "4XX" in declared or {"401", "403", "429", "503"} <= declared, path


def test_a_key_shows_no_secret_where_it_is_printed_or_stored(guarded: Guarded) -> None:
    key = guarded.key(name="shown")["Authorization"].removeprefix("Bearer ")
    made = KeyText.read(key)
    assert made is not None
    found = guarded.catalog.keys.find(made.id)
    assert made.secret not in repr(made) + repr(found)
    stored = rows(guarded.settings.require("database_url"), "SELECT api_keys::text FROM api_keys")
    assert made.secret not in str(stored)


def test_no_key_may_have_the_uploads_of_a_server_without_keys(guarded: Guarded) -> None:
    with pytest.raises(Exception, match="asks for no keys"):
        guarded.key(name=LOCAL.namespace)


def _stored(made: KeyText, *, expires_at: datetime) -> StoredKey:
    return StoredKey(
        key_id=made.id,
        name="a",
        secret_sha256=made.secret_sha256,
        scopes=frozenset({Scope.READ}),
        collections=None,
        groups=None,
        namespace="a",
        requests_per_minute=None,
        created_at=datetime.now(UTC),
        expires_at=expires_at,
        revoked_at=None,
    )
