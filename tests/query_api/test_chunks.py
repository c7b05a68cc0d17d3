"""What stands around a citation: neighbours in order, with the rights of the search that found it."""

import uuid

import pytest
from fastapi.testclient import TestClient

from tests.query_api.conftest import BACKUPS, BOARD, BROKEN, COLLECTION
from tests.query_api.guarding import Guarded, guarded_world, standing
from tests.retrieval.small_index import Doc, id_of

__all__ = ["guarded_world", "standing"]


def path_of(doc: Doc) -> str:
    return f"/v1/documents/{id_of(COLLECTION, doc)}/chunks"


def test_a_citation_leads_to_the_chunks_around_it(api: TestClient) -> None:
    found = api.post("/v1/search", json={"collection": COLLECTION, "query": "office nine"}).json()["results"][0]
    assert found["ordinal"] == 0
    shown = api.get(f"/v1/documents/{found['document_id']}/chunks", params={"around": found["ordinal"]}).json()
    assert [chunk["text"] for chunk in shown["chunks"]] == list(BACKUPS.texts)
    first = shown["chunks"][0]
    assert {key: first[key] for key in ("span", "version", "text", "anchor")} == {
        key: found[key] for key in ("span", "version", "text", "anchor")
    }
    assert shown["total"] == 2


def test_reach_bounds_what_is_shown(api: TestClient) -> None:
    def ordinals(**asked: int) -> list[int]:
        return [chunk["ordinal"] for chunk in api.get(path_of(BACKUPS), params=asked).json()["chunks"]]

    assert ordinals(around=1, reach=0) == [1]
    assert ordinals(around=5, reach=2) == []
    assert ordinals() == [0, 1]


@pytest.mark.parametrize("asked", [{"around": -1}, {"reach": 21}, {"around": 2**31}, {"around": "x"}])
def test_numbers_out_of_bounds_are_refused(api: TestClient, asked: dict[str, int | str]) -> None:
    assert api.get(path_of(BACKUPS), params=asked).status_code == 422


def test_a_document_that_is_not_indexed_has_no_chunks(api: TestClient) -> None:
    assert api.get(path_of(BROKEN)).json()["chunks"] == []


def test_an_unknown_document_is_the_404_of_documents(api: TestClient) -> None:
    unknown = f"/v1/documents/{uuid.uuid4()}"
    answers = [api.get(f"{unknown}/chunks"), api.get(unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_chunks_of_another_groups_document_are_not_there(standing: Guarded) -> None:
    for groups, status in ((None, 200), (["board"], 200), (["sales"], 404), ([], 404)):
        answer = standing.api.get(path_of(BOARD), headers=standing.key(groups=groups))
        assert answer.status_code == status
        assert ("Salaries" in answer.text) is (status == 200)
