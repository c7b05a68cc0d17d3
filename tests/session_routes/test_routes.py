"""Projects and sessions over REST: made, paged, renamed and deleted; another key's do not exist."""

from typing import Any

import pytest
from httpx import Response

from rag_core.callers import Scope
from tests.answers.conftest import QUESTION, Api
from tests.query_api.conftest import COLLECTION
from tests.query_api.guarding import SECRET, Guarded
from tests.session_routes.conftest import Talk, send

NEVER = "01890000-0000-7000-8000-000000000000"
_OWN_HEADERS = {"x-request-id", "date", "content-length"}


def test_a_project_is_made_renamed_listed_and_deleted_with_its_sessions(api: Api) -> None:
    made = send(api, "POST", "/v1/projects", json={"title": "  Moving "})
    assert (made.status_code, made.json()["title"]) == (201, "Moving")
    project = f"/v1/projects/{made.json()['id']}"
    asked = {"collections": [COLLECTION, COLLECTION], "project_id": made.json()["id"]}
    session = send(api, "POST", "/v1/sessions", json=asked).json()
    assert session["collections"] == [COLLECTION]
    assert send(api, "PATCH", project, json={"title": "Moved"}).json()["title"] == "Moved"
    assert send(api, "GET", project).json()["sessions"] == 1
    listed = send(api, "GET", "/v1/sessions", params={"project_id": made.json()["id"]}).json()
    assert [each["id"] for each in listed["sessions"]] == [session["id"]]
    assert send(api, "DELETE", project).status_code == 204
    for gone in (project, f"/v1/sessions/{session['id']}"):
        assert send(api, "GET", gone).status_code == 404


def test_pages_lead_through_sessions_and_messages(talk: Talk) -> None:
    others = [send(talk.api, "POST", "/v1/sessions", json={"collections": [COLLECTION]}).json() for _ in range(2)]
    seen: list[str] = []
    before: dict[str, str] = {}
    while len(seen) < 3:
        page = send(talk.api, "GET", "/v1/sessions", params={"limit": 1, **before}).json()
        seen.append(page["sessions"][0]["id"])
        before = {"before": page["next_before"]}
    assert seen == [others[1]["id"], others[0]["id"], talk.id]
    talk.ask(QUESTION)
    talk.ask("Restores tested?")
    path = f"/v1/sessions/{talk.id}/messages"
    first = send(talk.api, "GET", path, params={"limit": 3}).json()
    second = send(talk.api, "GET", path, params={"limit": 3, "after": first["next_after"]}).json()
    assert [each["number"] for each in first["messages"] + second["messages"]] == [1, 2, 3, 4]
    assert second["next_after"] is None
    for other in others:
        send(talk.api, "DELETE", f"/v1/sessions/{other['id']}")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/projects", {"title": ""}),
        ("/v1/projects", {"title": "  "}),
        ("/v1/projects", {"title": "x" * 201}),
        ("/v1/projects", {"title": "a\0b"}),
        ("/v1/projects", {"title": "ok", "owner": "someone"}),
        ("/v1/sessions", {"collections": []}),
        ("/v1/sessions", {"collections": [COLLECTION] * 9}),
        ("/v1/sessions", {"collections": ["No Name"]}),
        ("/v1/sessions", {"collections": [COLLECTION], "title": "x" * 201}),
        ("/v1/sessions", {"collections": ["nowhere"]}),
    ],
)
def test_what_is_too_long_empty_or_unknown_is_refused(api: Api, path: str, body: dict[str, Any]) -> None:
    assert send(api, "POST", path, json=body).status_code == 422


def test_a_session_in_an_unknown_project_is_refused(api: Api) -> None:
    made = send(api, "POST", "/v1/sessions", json={"collections": [COLLECTION], "project_id": NEVER})
    assert (made.status_code, made.json()["detail"]) == (404, f"There is no project {NEVER}.")


def plain(response: Response, *names: str) -> tuple[int, str, dict[str, str]]:
    text = response.text
    for name in names:
        text = text.replace(name, "NAME")
    headers = {name: value for name, value in response.headers.items() if name not in _OWN_HEADERS}
    return response.status_code, text, headers


def made_by(standing: Guarded, key: dict[str, str], *collections: str) -> str:
    answer = standing.api.post("/v1/sessions", json={"collections": collections or [COLLECTION]}, headers=key)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/sessions/{id}", None),
        ("DELETE", "/v1/sessions/{id}", None),
        ("GET", "/v1/sessions/{id}/messages", None),
        ("POST", "/v1/ask", {"collection": COLLECTION, "question": "Why?", "session_id": "{id}"}),
        ("GET", "/v1/projects/{project}", None),
        ("PATCH", "/v1/projects/{project}", {"title": "Mine now"}),
        ("DELETE", "/v1/projects/{project}", None),
        ("POST", "/v1/sessions", {"collections": [COLLECTION], "project_id": "{project}"}),
        ("GET", "/v1/sessions?project_id={project}", None),
    ],
)
def test_another_keys_sessions_and_projects_are_answered_like_those_that_never_were(
    standing: Guarded, method: str, path: str, body: dict[str, Any] | None
) -> None:
    mine, theirs = standing.key(), standing.key(Scope.ADMIN, collections=None)
    session = made_by(standing, mine)
    project = standing.api.post("/v1/projects", json={"title": "P"}, headers=mine).json()["id"]

    def answered(session_id: str, project_id: str) -> tuple[int, str, dict[str, str]]:
        def filled(text: str) -> str:
            return text.replace("{id}", session_id).replace("{project}", project_id)

        sent = {name: filled(value) if isinstance(value, str) else value for name, value in (body or {}).items()}
        response = standing.api.request(method, filled(path), json=sent or None, headers=theirs)
        return plain(response, session_id, project_id)

    assert answered(session, project) == answered(NEVER, NEVER)
    assert standing.api.get(f"/v1/sessions/{session}", headers=mine).status_code == 200
    assert standing.api.get(f"/v1/projects/{project}", headers=mine).json()["title"] == "P"


def test_lists_hold_nothing_of_another_key(standing: Guarded) -> None:
    mine, theirs = standing.key(), standing.key()
    made_by(standing, mine)
    standing.api.post("/v1/projects", json={"title": "P"}, headers=mine)
    assert standing.api.get("/v1/sessions", headers=theirs).json() == {"sessions": [], "next_before": None}
    assert standing.api.get("/v1/projects", headers=theirs).json() == {"projects": [], "next_before": None}


def test_a_session_with_a_collection_that_the_key_may_not_read_is_one_with_an_unknown_collection(
    standing: Guarded,
) -> None:
    key = standing.key()

    def made(name: str) -> tuple[int, str, dict[str, str]]:
        return plain(standing.api.post("/v1/sessions", json={"collections": [name]}, headers=key), name)

    assert made(SECRET) == made("nowhere")


def test_a_key_without_the_scope_to_read_has_no_sessions(standing: Guarded) -> None:
    key = standing.key(Scope.INGEST)
    assert standing.api.get("/v1/sessions", headers=key).status_code == 403
    assert standing.api.post("/v1/projects", json={"title": "P"}, headers=key).status_code == 403


def test_a_key_that_takes_over_has_the_sessions_too_but_no_answer_that_it_may_not_read(standing: Guarded) -> None:
    key = standing.key(collections=[COLLECTION, SECRET], name="rotated")
    session = made_by(standing, key, COLLECTION, SECRET)
    asked = {"collection": SECRET, "question": "What is the payroll of the year?", "session_id": session}
    answer = standing.api.post("/v1/ask", json=asked, headers=key).json()
    assert answer["answered"] is True

    def messages(sent_by: dict[str, str]) -> Any:
        return standing.api.get(f"/v1/sessions/{session}/messages", headers=sent_by).json()["messages"]

    assert messages(key)[1]["content"] == answer["answer"]
    narrowed = standing.key(name="rotated", takes_over=True)
    question, withheld = messages(narrowed)
    assert (question["content"], question["collection"]) == (asked["question"], None)
    assert (withheld["withheld"], withheld["content"], withheld["citations"]) == (True, None, [])
    shown = standing.api.get(f"/v1/sessions/{session}", headers=narrowed).json()
    assert shown["collections"] == [COLLECTION]
    assert SECRET not in str(shown) + str(messages(narrowed))
    follow_up = {"collection": COLLECTION, "question": "And why is that?", "session_id": session}
    said = standing.api.post("/v1/ask", json=follow_up, headers=narrowed).json()["session"]["standalone"]
    assert "million" not in said


def test_a_refused_question_leaves_the_session_free_at_once(standing: Guarded) -> None:
    key = standing.key(collections=[COLLECTION, SECRET])
    session = made_by(standing, key, COLLECTION)
    right = {"collection": COLLECTION, "question": "How long are backups kept?", "session_id": session}
    for _ in range(5):
        refused = standing.api.post("/v1/ask", json={**right, "collection": SECRET}, headers=key)
        assert refused.status_code == 422
        assert standing.api.post("/v1/ask", json=right, headers=key).status_code == 200
