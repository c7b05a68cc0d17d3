"""A key with groups finds what its groups may find, by every route; a request only narrows them."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from query_api import seen_documents
from rag_core.callers import LOCAL, Caller, Scope
from tests.query_api.conftest import BACKUPS, BOARD, BROKEN, COLLECTION, COPY
from tests.query_api.guarding import Guarded, document, guarded_world, standing

__all__ = ["guarded_world", "standing"]


def found(standing: Guarded, key: dict[str, str], groups: list[str] | None = None) -> set[str]:
    body: dict[str, Any] = {"collection": COLLECTION, "query": "salaries backups restores"}
    if groups is not None:
        body["groups"] = groups
    results = standing.api.post("/v1/search", json=body, headers=key).json()["results"]
    return {each["uri"] for result in results for each in (result, *result["also_at"])}


def listed(standing: Guarded, key: dict[str, str], **more: Any) -> list[str]:
    return [each["uri"] for page in pages(standing, key, **more) for each in page["documents"]]


def pages(standing: Guarded, key: dict[str, str], **more: Any) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        parameters = {"collection": COLLECTION, **more, **after}
        answer = standing.api.get("/v1/documents", params=parameters, headers=key)
        assert answer.status_code == 200, answer.text
        yield answer.json()
        if answer.json()["next_after"] is None:
            return
        after = {"after": answer.json()["next_after"]}


EVERYONES = {BACKUPS.uri, COPY.uri}


@pytest.mark.parametrize(
    ("held", "wanted", "seen"),
    [
        (None, None, EVERYONES | {BOARD.uri}),
        (None, ["board"], EVERYONES | {BOARD.uri}),
        (None, [], EVERYONES),
        (["board"], None, EVERYONES | {BOARD.uri}),
        (["board"], [], EVERYONES),
        (["sales"], None, EVERYONES),
        (["sales"], ["board"], EVERYONES),
        (["sales"], ["board", "sales", "*"], EVERYONES),
        ([], None, EVERYONES),
        ([], ["board"], EVERYONES),
    ],
)
def test_a_request_narrows_a_keys_groups_and_never_widens_them(
    standing: Guarded, held: list[str] | None, wanted: list[str] | None, seen: set[str]
) -> None:
    assert found(standing, standing.key(groups=held), wanted) == seen


def test_an_answer_quotes_nothing_that_the_key_may_not_find(standing: Guarded) -> None:
    body = {"collection": COLLECTION, "question": "By how much do salaries rise in May?"}
    for groups, is_answered in ((["board"], True), (["sales"], False)):
        answer = standing.api.post("/v1/ask", json=body, headers=standing.key(groups=groups)).json()
        assert (answer["answered"], "ten percent" in str(answer)) == (is_answered, is_answered)


def test_documents_are_listed_as_the_index_lets_the_key_find_them(standing: Guarded) -> None:
    assert set(listed(standing, standing.key())) == {*EVERYONES, BOARD.uri, BROKEN.uri}
    for groups, seen in ((["board"], {*EVERYONES, BOARD.uri}), (["sales"], EVERYONES), ([], EVERYONES)):
        key = standing.key(groups=groups)
        assert set(listed(standing, key)) == seen
        assert set(listed(standing, key, state="indexed")) == seen
        assert listed(standing, key, prefix=BOARD.uri) == ([BOARD.uri] if BOARD.uri in seen else [])
        assert listed(standing, key, state="quarantined") == []


@pytest.mark.parametrize("state", [{}, {"state": "indexed"}])
@pytest.mark.parametrize("looked_at_once", [1, 2, 500])
def test_pages_are_whole_and_tell_nothing_of_what_lies_between(
    standing: Guarded, state: dict[str, str], looked_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_documents, "_LOOKED_AT_ONCE", looked_at_once)
    monkeypatch.setattr(seen_documents, "_LOOKS", 1)
    answered = list(pages(standing, standing.key(groups=["sales"]), limit=1, **state))
    assert [each["uri"] for page in answered for each in page["documents"]] == [BACKUPS.uri, COPY.uri]
    hidden = (BOARD.uri, BROKEN.uri, str(document(COLLECTION, BOARD)), str(document(COLLECTION, BROKEN)))
    assert not any(each in str(page) for page in answered for each in hidden)


def test_a_document_that_the_key_may_not_find_is_not_there_by_its_id(standing: Guarded) -> None:
    for doc, groups, status in (
        (BOARD, ["board"], 200),
        (BOARD, ["sales"], 404),
        (BOARD, None, 200),
        (BROKEN, ["board"], 404),
        (BROKEN, None, 200),
        (BACKUPS, [], 200),
    ):
        key, identity = standing.key(groups=groups), str(document(COLLECTION, doc))
        answer = standing.api.get(f"/v1/documents/{identity}", headers=key)
        assert answer.status_code == status
        if status == 404:
            nobody = str(uuid.uuid4())
            unknown = standing.api.get(f"/v1/documents/{nobody}", headers=key)
            assert answer.text.replace(identity, "ID") == unknown.text.replace(nobody, "ID")


def test_a_key_with_groups_is_told_no_figures(standing: Guarded) -> None:
    key = standing.key(groups=["board"])
    [shown] = standing.api.get("/v1/collections", headers=key).json()["collections"]
    figures = {"documents", "waiting", "oldest_waiting_s", "waiting_to_be_sent"}
    assert {name for name, value in shown.items() if value is None} == figures
    assert (shown["name"], shown["index"]["points"], shown["streams"]) == (COLLECTION, None, [])
    assert standing.api.get("/v1/streams", headers=key).json() == {"collections": []}
    [whole] = standing.api.get("/v1/collections", headers=standing.key()).json()["collections"]
    assert (whole["index"]["points"], sum(whole["documents"].values())) == (4, 4)


def test_unknown_pages_of_such_a_list_are_refused(standing: Guarded) -> None:
    key = standing.key(groups=["board"])
    for after in ("x", "-1", "9" * 30, "12345", f"{document(COLLECTION, BOARD)}:{BOARD.uri}"):
        answer = standing.api.get("/v1/documents", params={"collection": COLLECTION, "after": after}, headers=key)
        assert (answer.status_code, answer.json()["detail"]) == (422, "Unknown page.")


def test_rights_of_a_caller() -> None:
    caller = Caller(
        key_id="k",
        name="n",
        scopes=frozenset({Scope.INGEST}),
        collections=frozenset({"a"}),
        groups=("g", "h"),
        namespace="n",
    )
    assert caller.may(Scope.INGEST)
    assert caller.may(Scope.INGEST, "a")
    assert not caller.may(Scope.INGEST, "b")
    assert not caller.may(Scope.READ, "a")
    assert caller.groups_within(["h", "x"]) == ("h",)
    assert caller.groups_within(["*"]) == ("g", "h")
    assert caller.groups_within(None) == ("g", "h")
    assert all(LOCAL.may(scope, "anything") for scope in Scope)
    assert LOCAL.groups_within(None) is None
    assert LOCAL.groups_within(["x", "x"]) == ("x",)
