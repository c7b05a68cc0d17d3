"""``rag sessions``: old conversations are dropped when a person says so."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from resources.clients.catalog import open_catalog
from tests.catalog.observing import rows
from tests.command_line import Rag
from tests.services.postgres import PostgresServer

OLD, YOUNG = UUID("01890000-0000-7000-8000-000000000001"), UUID("01890000-0000-7000-8000-000000000002")


@pytest.fixture
def database(postgres: PostgresServer, rag: Rag, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = postgres.create_database()
    with open_catalog(url) as catalog:
        for session in (OLD, YOUNG):
            catalog.sessions.create("someone", session, collections=["handbook"], title="", project_id=None)
    rows(url, "UPDATE chat_sessions SET active_at = now() - interval '200 days' WHERE session_id = %s", [OLD])
    monkeypatch.setenv("RAG_DATABASE_URL", url)
    yield url
    postgres.drop_database(url)


def test_old_sessions_go_when_someone_prunes(rag: Rag, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "deleted: 0" in rag("sessions", "prune").out
    monkeypatch.setenv("RAG_SESSIONS_KEEP_DAYS", "90")
    assert rag("sessions", "prune", "--json").json["sessions_deleted"] == 1
    assert rows(database, "SELECT session_id FROM chat_sessions") == [(YOUNG,)]
    assert "deleted: 0" in rag("sessions", "prune", "--keep-days", "0").out


def test_without_timescaledb_there_is_no_hypertable(rag: Rag, database: str) -> None:
    failed = rag("sessions", "hypertable")
    assert failed.code == 1
    assert "CREATE EXTENSION timescaledb" in failed.err
