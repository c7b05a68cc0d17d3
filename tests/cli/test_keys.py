"""``rag keys``: what a person types to make, see and revoke keys, and to read what was done with them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rag_core.api_keys import KeyText
from resources.clients.catalog import open_catalog
from tests.command_line import Rag
from tests.query_api.conftest import COLLECTION, World
from tests.services.loopback import free_port, wait_until
from tests.services.postgres import PostgresServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def empty(postgres: PostgresServer) -> str:
    url = postgres.create_database()
    open_catalog(url).close()
    return url


@pytest.fixture
def database(empty: str, postgres: PostgresServer, rag: Rag, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty catalog, which the command line and the server of a test use."""
    url = postgres.create_database(template=empty)
    monkeypatch.setenv("RAG_DATABASE_URL", url)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def guarded_url(database: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """``python -m query_api`` with keys, as its settings have it by default."""
    port = free_port()
    settings = {
        "RAG_HOME": str(tmp_path / "server"),
        "RAG_DATABASE_URL": database,
        "RAG_QDRANT_URL": world.qdrant_url,
        "RAG_API_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-m", "query_api"], cwd=ROOT, env={**os.environ, **settings})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), what="the query API to answer")
        monkeypatch.setenv("RAG_API_URL", url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_key_is_printed_once_and_lets_the_command_line_in(
    rag: Rag, guarded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ("search", "backups", "--collection", COLLECTION, "--mode", "sparse", "--json")
    refused = rag(*search)
    assert (refused.code, "RAG_API_KEY" in refused.err) == (1, True)
    made = rag("keys", "create", "anna", "--collection", COLLECTION, "--scope", "read", "--all-documents")
    assert (made.code, KeyText.read(made.out.strip()) is not None) == (0, True)
    monkeypatch.setenv("RAG_API_KEY", made.out.strip())
    assert rag(*search).json["results"]
    assert COLLECTION in rag("collections", "list").out
    assert rag("status").code == 1  # no stack runs here; it asks nothing
    revoked = rag("keys", "revoke", "anna")
    assert (revoked.code, revoked.out) == (0, "1 revoked.\n")
    wait_until(
        lambda: rag("collections", "list").code == 1 and httpx.get(f"{guarded_url}/readyz").status_code in {200, 503},
        what="the revocation to be known",
    )
    assert made.out.strip() not in rag("keys", "list").out + rag("keys", "audit").out


def test_keys_are_listed_with_what_they_may(rag: Rag, database: str) -> None:
    assert "No keys" in rag("keys", "list").out
    first = rag(
        *("keys", "create", "ops", "--scope", "ingest", "--scope", "read", "-c", "handbook", "-c", "ledger"),
        *("--group", "board", "--expires", "90d", "--rate", "30", "--json"),
    ).json
    assert (first["scopes"], first["collections"]) == (["ingest", "read"], ["handbook", "ledger"])
    assert (first["groups"], first["requests_per_minute"], first["state"]) == (["board"], 30, "live")
    assert rag("keys", "create", "boss", "--scope", "admin", "--all-collections", "--all-documents").code == 0
    listed = rag("keys", "list", "--json").json["keys"]
    assert [(each["name"], each["collections"], each["groups"]) for each in listed] == [
        ("ops", ["handbook", "ledger"], ["board"]),
        ("boss", None, None),
    ]
    assert not any("key" in each for each in listed)
    shown = rag("keys", "list").out
    assert all(word in shown for word in ("ops", "every document", "all", first["id"]))
    assert rag("keys", "revoke", first["id"]).out == "1 revoked.\n"
    assert rag("keys", "revoke", first["id"]).out == "It was revoked before.\n"
    assert [each["state"] for each in rag("keys", "list", "--json").json["keys"]] == ["revoked", "live"]


def test_a_name_is_used_again_only_to_rotate_its_key(rag: Rag, database: str) -> None:
    create = ("keys", "create", "robot", "--all-collections")
    assert rag(*create).code == 0
    again = rag(*create)
    assert (again.code, "--rotate" in again.err) == (2, True)
    assert rag(*create, "--rotate").code == 0
    assert rag("keys", "revoke", "robot").out == "2 revoked.\n"


_NO_KEYS: list[tuple[list[str], str]] = [
    (["Anna", "--all-collections"], "no name of a key"),
    (["../anna", "--all-collections"], "no name of a key"),
    (["local", "--all-collections"], "asks for no keys"),
    (["anna"], "Which collections"),
    (["anna", "-c", "x1", "--all-collections"], "exclude each other"),
    (["anna", "-c", "../etc"], "no name of a collection"),
    (["anna", "--all-collections", "--group", "g", "--all-documents"], "exclude each other"),
    (["anna", "--all-collections", "--group", ""], "groups"),
    (["anna", "--all-collections", "--expires", "tomorrow"], "no moment"),
    (["anna", "--all-collections", "--expires", "2001-01-01"], "is over"),
    (["anna", "--all-collections", "--rate", "0"], "--rate"),
    (["anna", "--all-collections", "--scope", "all"], "--scope"),
]


def test_what_cannot_be_a_key_is_said_and_exit_code_2(rag: Rag, database: str) -> None:
    for words, said in _NO_KEYS:
        ran = rag("keys", "create", *words)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    with open_catalog(database) as catalog:
        assert catalog.keys.every() == []


def test_an_unknown_key_cannot_be_revoked(rag: Rag, database: str) -> None:
    ran = rag("keys", "revoke", "nobody")
    assert (ran.code, "There is no key 'nobody'." in ran.err) == (2, True)


def test_the_log_shows_what_was_done_with_keys_and_by_them(
    rag: Rag, guarded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rag("keys", "create", "anna", "--collection", COLLECTION).out.strip()
    headers = {"X-API-Key": made, "X-Request-ID": "order-17"}
    httpx.post(
        f"{guarded_url}/v1/search", json={"collection": COLLECTION, "query": "x", "mode": "sparse"}, headers=headers
    )
    wait_until(lambda: len(rag("keys", "audit", "--json").json["entries"]) == 2, what="the entry to be written")
    asked, created = rag("keys", "audit", "--key", "anna", "--since", "1h", "--json").json["entries"]
    assert (asked["action"], asked["subject"], asked["request_id"]) == ("search", "x", "order-17")
    assert created["action"] == "keys.create"
    assert "order-17" in rag("keys", "audit").out
    assert rag("keys", "audit", "--key", "nobody").out == "No entries.\n"
    assert rag("keys", "audit", "--since", "later").code == 2


def test_a_server_without_keys_starts_on_loopback_alone(database: str, tmp_path: Path) -> None:
    settings = {"RAG_HOME": str(tmp_path), "RAG_AUTH": "off", "RAG_API_HOST": "0.0.0.0"}  # noqa: S104 - refused
    ran = subprocess.run(
        [sys.executable, "-m", "query_api"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: RAG_AUTH=off lets everybody in")
    assert "rag keys create" in ran.stderr


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False
