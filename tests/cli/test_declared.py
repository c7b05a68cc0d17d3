from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.clients.catalog import open_catalog
from resources.clients.catalog.values import StopKind
from tests.command_line import Rag
from tests.query_api.conftest import COLLECTION, World
from tests.services.postgres import PostgresServer


@pytest.fixture
def own_database(postgres: PostgresServer, world: World, monkeypatch: pytest.MonkeyPatch, rag: Rag) -> Iterator[str]:
    del rag  # sets the shared database first
    url = postgres.create_database(template=world.database_url)
    monkeypatch.setenv("RAG_DATABASE_URL", url)
    yield url
    postgres.drop_database(url)


def test_a_right_collection_file_passes_the_check(rag: Rag, inbox: Path) -> None:
    ran = rag("collections", "check")
    assert (ran.code, "1 usable, 0 problems" in ran.out) == (0, True)


def test_a_problem_is_a_line_with_file_line_and_field_and_exit_code_1(rag: Rag, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "collections" / "wrong.yaml").write_text("name: wrong\nsources:\n  - name: files\n    url: ftp://x\n")
    ran = rag("collections", "check")
    assert ran.code == 1
    assert "wrong.yaml:4: sources[0].url: unknown scheme" in ran.out
    assert "1 usable, 1 problem in" in ran.out
    (problem,) = rag("collections", "check", "--json").json["problems"]
    assert (problem["line"], problem["field"]) == (4, "sources[0].url")


def test_a_stopped_source_is_listed_and_let_go_on_by_a_person(own_database: str, rag: Rag, inbox: Path) -> None:
    with open_catalog(own_database) as catalog:
        catalog.sources.stop(COLLECTION, "inbox", StopKind.ROOT_MISSING, "The folder is gone.", {"root": "x"})
    listed = rag("sources")
    assert "stopped: root-missing" in listed.out
    assert "The folder is gone." in listed.out
    assert str(inbox.resolve()) in listed.out
    nobody_asked = rag("sources", "confirm", COLLECTION, "inbox")
    assert (nobody_asked.code, "--yes" in nobody_asked.err) == (2, True)
    confirmed = rag("sources", "confirm", COLLECTION, "inbox", "--yes", "--json")
    assert (confirmed.code, confirmed.json["confirmed"]["kind"]) == (0, "root-missing")
    assert rag("sources", "confirm", COLLECTION, "inbox", "--yes").code == 2
    (row,) = rag("sources", "list", "--json").json["sources"]
    assert (row["source"], row["stopped"]) == ("inbox", None)


def test_a_source_that_is_not_swept_is_listed_with_the_reason(own_database: str, rag: Rag, inbox: Path) -> None:
    assert "not swept yet" in rag("sources").out
    reason = "The bucket refuses: no right to list it."
    with open_catalog(own_database) as catalog:
        catalog.sources.note_failed(COLLECTION, "inbox", reason, interval_s=30)
        listed = rag("sources")
        assert "failing since 20" in " ".join(listed.out.split())
        assert " ok " not in listed.out
        (row,) = rag("sources", "list", "--json").json["sources"]
        assert (row["failing"]["reason"], row["failing"]["swept_at"], row["stopped"]) == (reason, None, None)
        catalog.sources.note_tick(COLLECTION, "inbox", interval_s=30, is_complete=True)
    assert " ok " in rag("sources").out
    (row,) = rag("sources", "list", "--json").json["sources"]
    assert row["failing"] is None
