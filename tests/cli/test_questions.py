import pytest

from tests.command_line import Rag
from tests.query_api.conftest import BACKUPS, COLLECTION, COPY
from tests.services.loopback import free_port


def test_an_answer_is_printed_with_numbered_citations_pages_uris_and_the_run(rag: Rag) -> None:
    ran = rag("ask", "How long are backups kept?", "--collection", COLLECTION)
    assert ran.code == 0, ran.err
    assert "Backups are kept for thirty days. [1]" in ran.out
    assert "[1] backups.md  page 3" in ran.out
    assert BACKUPS.uri in ran.out
    assert "http://dagster:3000/runs/run-made" in ran.out


def test_who_answered_is_printed(rag: Rag) -> None:
    assert "Answered by quotation\n" in rag("ask", "How long are backups kept?").out
    assert rag("ask", "How long are backups kept?", "--generation", "model").code == 2


def test_an_answer_is_streamed_and_cited(rag: Rag) -> None:
    whole = rag("ask", "How long are backups kept?", "--generation", "extractive")
    streamed = rag("ask", "How long are backups kept?", "--stream")
    assert (streamed.code, streamed.err) == (0, "")
    assert "Backups are kept for thirty days. [1]" in streamed.out
    assert streamed.out.splitlines()[-1] == whole.out.splitlines()[-1]
    assert rag("ask", "Which volcano erupted near Reykjavik yesterday?", "--stream").code == 3
    assert rag("ask", "x", "--stream", "--collection", "elsewhere").code == 2
    assert rag("ask", "x", "--stream", "--json").code == 2


def test_no_answer_is_exit_code_3_with_the_reason(rag: Rag) -> None:
    ran = rag("ask", "Which volcano erupted near Reykjavik yesterday?")
    assert ran.code == 3
    assert "not-in-passages" in ran.out


def test_json_is_the_apis_own(rag: Rag) -> None:
    asked = rag("ask", "How long are backups kept?", "--json")
    assert (asked.code, asked.json["answered"], asked.json["collection"]) == (0, True, COLLECTION)
    searched = rag("search", "restores tested", "--json", "-k", "2", "--filter", '{"team": "sales"}')
    assert [each["uri"] for each in searched.json["results"]] == [COPY.uri]
    assert searched.json["results"][0]["lineage"]["made_by"]["arrival"] == 7


def test_search_prints_passages_and_nothing_found_is_exit_code_3(rag: Rag) -> None:
    ran = rag("search", "restores tested", "--mode", "sparse")
    assert ran.code == 0
    assert COPY.texts[0] in ran.out
    assert "also at" in ran.out
    assert rag("search", "restores", "--filter", '{"year": 1900}').code == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search", "x", "--filter", "{"), "not JSON"),
        (("search", "x", "--filter", '{"nothing": 1}'), "no filter field"),
        (("search", "x", "--collection", "elsewhere"), "No index serves"),
        (("ask", "x" * 2001), "QUESTION must have at most 2000 characters. --help"),
        (("ask", " "), "QUESTION must not be empty. --help"),
        (("search", "", "-c", "No Name"), "--collection must be a collection's name"),
        (("search", "x", "--group", ""), "--group must not be empty."),
        (("documents", "--prefix", "x" * 5000), "--prefix must have at most 4096 characters."),
        (("retry",), "Name a document"),
        (("retry", "nonsense"), "neither a document's id nor a URI"),
        (("search", "x", "--mode", "magic"), "magic"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_wrong(rag: Rag, words: tuple[str, ...], said: str) -> None:
    ran = rag(*words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_an_api_that_is_away_is_exit_code_1_and_says_where(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAG_API_URL", url)
    ran = rag("ask", "why?", "--collection", COLLECTION)
    assert ran.code == 1
    assert url in ran.err
    assert "rag status" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "code", "detail", "status"),
    [
        (("ask", ""), 2, "The field 'question' must not be empty.", 422),
        (("search", "x", "--collection", "elsewhere"), 2, "No index serves", 422),
        (("search", "x", "--filter", "{"), 2, "not JSON", 422),
        (("search", "x", "--mode", "magic"), 2, "magic", 422),
        (("search",), 2, "Missing argument 'query'.", 422),
        (("documents", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"), 1, "There is no document", 404),
    ],
)
def test_an_error_with_json_is_the_apis_problem_on_standard_output(
    rag: Rag, words: tuple[str, ...], code: int, detail: str, status: int
) -> None:
    ran = rag(*words, "--json")
    assert ran.code == code
    assert {"type", "title", "status", "detail", "remedy"} <= ran.json.keys()
    assert (ran.json["status"], detail in ran.json["detail"]) == (status, True), ran.out
    assert ran.err.startswith("Error: ")
    assert rag(*words).out == ""


def test_an_api_that_is_away_is_a_problem_with_the_part_by_name(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_URL", f"http://127.0.0.1:{free_port()}")
    ran = rag("collections", "list", "--json")
    assert (ran.code, ran.json["status"], ran.json["dependency"]) == (1, 503, "api")
