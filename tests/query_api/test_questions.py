from typing import Any

import pytest
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from tests.pipeline.word_embedder import WordEmbedder
from tests.query_api.conftest import BACKUPS, COLLECTION, COPY, World
from tests.retrieval.small_index import id_of, spec_of


def search(api: TestClient, query: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/search", json={"collection": COLLECTION, "query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(api: TestClient, question: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/ask", json={"collection": COLLECTION, "question": question, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_citation_says_where_it_stands_how_it_scored_and_where_its_vector_comes_from(api: TestClient) -> None:
    answer = search(api, "how long are backups kept")
    first = answer["results"][0]
    assert first["number"] == 1
    assert first["document_id"] == str(id_of(COLLECTION, BACKUPS))
    assert (first["title"], first["uri"], first["version"]) == ("backups.md", BACKUPS.uri, "sha256:1")
    assert first["text"] == BACKUPS.texts[0]
    assert first["pages"] == {"first": 3, "last": 3}
    assert first["span"] == {"start": 0, "end": len(BACKUPS.texts[0])}
    assert first["metadata"] == {"team": "platform", "year": 2025}
    assert 0 < first["score"] <= 1
    assert first["scores"]["dense"] > 0
    assert first["scores"]["sparse"] > 0
    assert first["lineage"] == {
        "made_by": {"arrival": 7, "run_id": "run-made", "run_url": "http://dagster:3000/runs/run-made"},
        "made_at": "2026-01-01T00:00:00+00:00",
        "confirmed_by": {"arrival": 9, "run_id": "run-confirmed", "run_url": "http://dagster:3000/runs/run-confirmed"},
        "model": "words@1",
        "parser": "text/1",
        "code_version": "c0de",
    }
    assert answer["index"] == spec_of(WordEmbedder()).physical_name(COLLECTION)


def test_an_equal_text_comes_once_with_its_other_place(api: TestClient) -> None:
    results = search(api, "restores tested month")["results"]
    (found,) = [each for each in results if each["text"] == COPY.texts[0]]
    assert {found["uri"], *(place["uri"] for place in found["also_at"])} == {BACKUPS.uri, COPY.uri}


@pytest.mark.parametrize("fusion", ["bounded_sum", "rrf", "dbsf"])
@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
def test_every_mode_and_fusion_finds_it(api: TestClient, mode: str, fusion: str) -> None:
    results = search(api, "how long are backups kept", mode=mode, fusion=fusion, top_k=1)["results"]
    assert [each["uri"] for each in results] == [BACKUPS.uri]
    assert (results[0]["scores"]["dense"] is None) == (mode == "sparse")
    assert (results[0]["scores"]["sparse"] is None) == (mode == "dense")


def test_filters_and_groups_narrow(api: TestClient) -> None:
    def titles(**more: Any) -> set[str]:
        return {each["title"] for each in search(api, "salaries backups restores", **more)["results"]}

    assert {"backups.md", "board.md"} <= titles()
    assert "board.md" not in titles(groups=[])
    assert "board.md" in titles(groups=["board"])
    assert titles(filters={"team": "sales"}) == {"copy.md"}
    assert titles(filters={"year": {"gte": 2026}}) == set()


def test_an_answer_quotes_word_for_word_and_cites(api: TestClient) -> None:
    answer = ask(api, "How long are backups kept?")
    assert answer["answered"] is True
    assert answer["answer"].startswith("Backups are kept for thirty days. [1]")
    quote = answer["quotes"][0]
    cited = answer["citations"][quote["citation"] - 1]
    assert cited["text"][quote["span"]["start"] : quote["span"]["end"]] == quote["text"]
    assert answer["confidence"] >= answer["threshold"]


def test_a_question_the_passages_do_not_answer_is_not_answered_and_says_why(api: TestClient) -> None:
    answer = ask(api, "Which volcano erupted near Reykjavik yesterday?")
    assert (answer["answered"], answer["answer"], answer["reason"]) == (False, None, "not-in-passages")
    assert answer["reason_text"]
    assert answer["citations"]


def test_without_any_passage_the_reason_is_another(api: TestClient) -> None:
    answer = ask(api, "How long are backups kept?", filters={"year": 1900})
    assert (answer["reason"], answer["citations"]) == ("no-passages", [])


def test_what_a_caller_may_not_see_is_neither_quoted_nor_cited(api: TestClient) -> None:
    assert "Salaries" in ask(api, "When do salaries rise?")["answer"]
    answer = ask(api, "When do salaries rise?", groups=["sales"])
    assert answer["answered"] is False
    assert "Salaries" not in str(answer["citations"])


def test_a_question_is_embedded_once(world: World, tmp_path: Any) -> None:
    embedder = WordEmbedder()
    asked: list[str] = []
    embed = embedder.embed_query

    class Counting(WordEmbedder):
        def embed_query(self, text: str) -> Any:
            asked.append(text)
            return embed(text)

    settings = world.settings(tmp_path)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: Counting()))
    with TestClient(app, base_url="http://localhost") as api:
        assert search(api, "backups") == search(api, "backups")
    assert asked.count("backups") == 1


def test_weights_that_are_not_the_indexs_answer_nothing(world: World, tmp_path: Any) -> None:
    settings = world.settings(tmp_path)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: WordEmbedder("others")))
    with TestClient(app, base_url="http://localhost") as api:
        answer = api.post("/v1/search", json={"collection": COLLECTION, "query": "backups"})
        assert answer.status_code == 503
        assert "others@1" in answer.json()["detail"]
