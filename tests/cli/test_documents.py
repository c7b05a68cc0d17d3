import pytest

from local_stack.cli.printing import print_documents, visible
from tests.command_line import Rag
from tests.query_api.conftest import BACKUPS, BROKEN, COLLECTION
from tests.retrieval.small_index import id_of


def test_documents_are_listed_with_state_and_reason(rag: Rag) -> None:
    ran = rag("documents")
    assert ran.code == 0
    assert "backups.md" in ran.out
    assert "password-required: The PDF is encrypted. Add its password." in ran.out
    only = rag("documents", "--state", "quarantined", "--json").json
    assert [each["key"] for each in only["documents"]] == ["broken.pdf"]
    cut = rag("documents", "--limit", "2")
    assert "There are more than 2" in cut.out


def test_one_document_is_shown_with_its_history_by_id_or_uri(rag: Rag) -> None:
    ran = rag("documents", str(id_of(COLLECTION, BACKUPS)))
    assert "points in the index: 2" in ran.out
    by_uri = rag("documents", BROKEN.uri, "--collection", COLLECTION, "--json").json
    assert by_uri["arrivals"][0]["state"] == "quarantined"


def test_an_unknown_document_is_exit_code_1(rag: Rag) -> None:
    ran = rag("documents", "file:///h/none.md", "--collection", COLLECTION)
    assert (ran.code, "There is no document" in ran.err) == (1, True)


def test_retry_says_how_many_and_what_cannot_be_retried(rag: Rag) -> None:
    ran = rag("retry", "--state", "quarantined", "--kind", "no-text", "--json")
    assert (ran.code, ran.json) == (0, {"retried": 0})
    refused = rag("retry", str(id_of(COLLECTION, BACKUPS)))
    assert (refused.code, "only quarantined and retrying" in refused.err) == (2, True)


def test_collections_are_listed_with_counts(rag: Rag) -> None:
    ran = rag("collections", "list")
    assert ran.code == 0
    assert "1 quarantined" in ran.out
    assert rag("collections", "list", "--json").json["collections"][0]["name"] == COLLECTION


def test_a_row_is_one_line_where_the_output_is_no_terminal(rag: Rag) -> None:
    rows = rag("documents").out.splitlines()
    documents = rag("documents", "--json").json["documents"]
    assert len(rows) == len(documents) + 1
    for row, document in zip(rows[1:], documents, strict=True):
        assert document["document_id"] in row
        assert row == row.rstrip()


def test_names_show_what_cannot_be_seen_and_do_not_break_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nb\x1b[31m\u202e" + "x" * 300
    document = {
        "state": "indexed",
        "key": name,
        "document_id": "1-2-3",
        "reason": None,
        "stale": False,
        "indexed": None,
    }
    print_documents([document])
    _, row = capsys.readouterr().out.splitlines()
    assert row == f"indexed  a\\nb\\x1b[31m\\u202e{'x' * 300}  1-2-3"
    assert visible("\udcff.md") == "\\udcff.md"
