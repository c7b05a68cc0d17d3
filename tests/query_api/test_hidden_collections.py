"""A collection that a key may not use is one that does not exist: by every route, in status, words and work."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from httpx import Response

from rag_core.callers import Scope
from tests.query_api.conftest import BACKUPS, COLLECTION
from tests.query_api.guarding import LOST, PAYROLL, SECRET, Guarded, counted_work, document, guarded_world, standing

__all__ = ["guarded_world", "standing"]

UNKNOWN = "nowhere"
_OWN_HEADERS = {"x-request-id", "date", "content-length"}


@dataclass(frozen=True)
class Asked:
    """A request that names a collection, or something in one; ``{name}`` is put in."""

    method: str
    path: str
    more: dict[str, Any] = field(default_factory=dict)
    scope: Scope = Scope.READ

    def send(self, standing: Guarded, key: dict[str, str], name: str) -> Response:
        def put_in(value: Any) -> Any:
            if isinstance(value, dict):
                return {each: put_in(inner) for each, inner in value.items()}
            if isinstance(value, list):
                return [put_in(inner) for inner in value]
            return value.replace("{name}", name) if isinstance(value, str) else value

        more = {each: put_in(value) if each != "files" else value for each, value in self.more.items()}
        return standing.api.request(self.method, self.path.replace("{name}", name), headers=key, **more)


FILES = {"file": ("a.md", b"A text.")}
BY_COLLECTION = {
    "search": Asked("POST", "/v1/search", {"json": {"collection": "{name}", "query": "payroll"}}),
    "search with a filter": Asked(
        "POST", "/v1/search", {"json": {"collection": "{name}", "query": "x", "filters": {"none": 1}}}
    ),
    "ask": Asked("POST", "/v1/ask", {"json": {"collection": "{name}", "question": "What is the payroll?"}}),
    "documents": Asked("GET", "/v1/documents", {"params": {"collection": "{name}"}}),
    "documents in a state": Asked("GET", "/v1/documents", {"params": {"collection": "{name}", "state": "quarantined"}}),
    "documents below": Asked("GET", "/v1/documents", {"params": {"collection": "{name}", "prefix": "file:///l/"}}),
    "documents after": Asked(
        "GET", "/v1/documents", {"params": {"collection": "{name}", "state": "indexed", "after": "0"}}
    ),
    "retry": Asked("POST", "/v1/collections/{name}/retry", {"json": {"state": "quarantined"}}, Scope.ADMIN),
    "retry of no kind": Asked("POST", "/v1/collections/{name}/retry", {"json": {"kind": "nonsense"}}, Scope.ADMIN),
    "upload": Asked("POST", "/v1/documents", {"params": {"collection": "{name}"}, "files": FILES}, Scope.INGEST),
    "upload by alias": Asked("POST", "/upload", {"params": {"collection": "{name}"}, "files": FILES}, Scope.INGEST),
    "upload by field": Asked("POST", "/v1/documents", {"data": {"collection": "{name}"}, "files": FILES}, Scope.INGEST),
    "chat": Asked(
        "POST", "/v1/chat/completions", {"json": {"model": "{name}", "messages": [{"role": "user", "content": "Pay?"}]}}
    ),
    "chat streamed": Asked(
        "POST",
        "/v1/chat/completions",
        {"json": {"model": "{name}", "stream": True, "messages": [{"role": "user", "content": "Pay?"}]}},
    ),
    "ask streamed": Asked(
        "POST", "/v1/ask", {"json": {"collection": "{name}", "question": "What is the payroll?", "stream": True}}
    ),
    "ask later": Asked(
        "POST", "/v1/ask", {"json": {"collection": "{name}", "question": "What is the payroll?", "async": True}}
    ),
    "embed": Asked("POST", "/v1/embeddings", {"json": {"model": "{name}", "input": "payroll"}}),
    "model": Asked("GET", "/v1/models/{name}"),
    "begin a session": Asked("POST", "/v1/sessions", {"json": {"collections": ["{name}"]}}),
    "begin a session with two": Asked("POST", "/v1/sessions", {"json": {"collections": [COLLECTION, "{name}"]}}),
}
BY_ID = {
    "document": Asked("GET", "/v1/documents/{name}"),
    "chunks of a document": Asked("GET", "/v1/documents/{name}/chunks"),
    "retry of a document": Asked("POST", "/v1/documents/{name}/retry", {}, Scope.ADMIN),
    "job": Asked("GET", "/v1/jobs/{name}", {}, Scope.INGEST),
    "events of a job": Asked("GET", "/v1/jobs/{name}/events", {}, Scope.INGEST),
    "answer": Asked("GET", "/v1/answers/{name}"),
    "forget an answer": Asked("DELETE", "/v1/answers/{name}"),
    "session": Asked("GET", "/v1/sessions/{name}"),
    "messages": Asked("GET", "/v1/sessions/{name}/messages"),
    "sessions of a project": Asked("GET", "/v1/sessions", {"params": {"project_id": "{name}"}}),
    "begin a session in a project": Asked(
        "POST", "/v1/sessions", {"json": {"collections": [COLLECTION], "project_id": "{name}"}}
    ),
    "end a session": Asked("DELETE", "/v1/sessions/{name}"),
    "project": Asked("GET", "/v1/projects/{name}"),
    "rename a project": Asked("PATCH", "/v1/projects/{name}", {"json": {"title": "Another"}}),
    "delete a project": Asked("DELETE", "/v1/projects/{name}"),
}
OWN = frozenset(each for each in BY_ID if any(word in each for word in ("session", "project", "messages", "answer")))
"""What belongs to the key that made it: not even an administrator's key sees it."""
NAME_NOTHING = {
    ("GET", "/v1/models"),
    ("POST", "/v1/projects"),
    ("GET", "/v1/projects"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/collections"),
    ("GET", "/v1/streams"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/readyz/own"),
}
"""Routes without a name in the request; their lists have tests of their own below."""


def told(answer: Response, name: str) -> tuple[int, str, dict[str, str]]:
    """Return what an answer tells, its own name and id taken out."""
    headers = {each: value for each, value in answer.headers.items() if each not in _OWN_HEADERS}
    return answer.status_code, answer.text.replace(name, "NAME"), headers


def secret_ids(standing: Guarded) -> dict[str, str]:
    """Return what another key has in the hidden collection, by what asks for it."""
    owner = standing.key(Scope.INGEST, Scope.READ, collections=[SECRET])
    job = standing.upload(owner, SECRET)["job_id"]
    project = standing.api.post("/v1/projects", json={"title": "Pay"}, headers=owner).json()["id"]
    begun = {"collections": [SECRET], "project_id": project}
    session = standing.api.post("/v1/sessions", json=begun, headers=owner).json()["id"]
    later = {"collection": SECRET, "question": "What is the payroll?", "async": True}
    answer = standing.api.post("/v1/ask", json=later, headers=owner).json()["answer_id"]
    of_project = {each: project if "project" in each else session for each in OWN}
    return {
        "document": str(document(SECRET, PAYROLL)),
        "chunks of a document": str(document(SECRET, PAYROLL)),
        "retry of a document": str(document(SECRET, LOST)),
        "job": job,
        "events of a job": job,
    } | {each: answer if "answer" in each else known for each, known in of_project.items()}


def test_every_route_is_asked_for_what_is_unknown_and_what_is_forbidden(standing: Guarded) -> None:
    asked = {(each.method, each.path) for each in (*BY_COLLECTION.values(), *BY_ID.values())}
    there = {
        (method.upper(), re.sub(r"\{[a-z_]+\}", "{name}", path))
        for path, operations in standing.app.openapi()["paths"].items()
        for method in operations
    }
    assert ("POST", "/v1/search") in there
    assert there - asked - NAME_NOTHING == set()


@pytest.mark.parametrize("which", list(BY_COLLECTION))
@pytest.mark.parametrize("groups", [None, ["board"]], ids=["every document", "some groups"])
def test_a_forbidden_collection_is_an_unknown_one(standing: Guarded, which: str, groups: list[str] | None) -> None:
    asked = BY_COLLECTION[which]
    key = standing.key(asked.scope, groups=groups)
    allowed = asked.send(standing, key, COLLECTION)
    unknown, forbidden = asked.send(standing, key, UNKNOWN), asked.send(standing, key, SECRET)
    assert told(unknown, UNKNOWN) == told(forbidden, SECRET)
    assert unknown.status_code in {404, 422}
    assert SECRET not in unknown.text
    assert "nonsense" in str(asked.more) or "filter" in which or allowed.status_code < 300


@pytest.mark.parametrize("which", list(BY_ID))
@pytest.mark.parametrize("groups", [None, ["board"]], ids=["every document", "some groups"])
def test_what_is_in_a_forbidden_collection_is_not_there_by_id(
    standing: Guarded, which: str, groups: list[str] | None
) -> None:
    asked = BY_ID[which]
    unknown, forbidden = str(uuid.uuid4()), secret_ids(standing)[which]
    everyone = standing.key(Scope.ADMIN, collections=None)
    assert which in {"events of a job", *OWN} or asked.send(standing, everyone, forbidden).status_code in {200, 422}
    key = standing.key(asked.scope, groups=groups)
    answers = told(asked.send(standing, key, unknown), unknown), told(asked.send(standing, key, forbidden), forbidden)
    assert answers[0] == answers[1]
    assert answers[0][0] == (200 if which == "sessions of a project" else 404)


@pytest.mark.parametrize("which", [*BY_COLLECTION, *BY_ID])
@pytest.mark.parametrize("groups", [None, ["board"]], ids=["every document", "some groups"])
def test_the_work_for_what_is_forbidden_is_that_for_what_is_unknown(
    standing: Guarded, which: str, groups: list[str] | None
) -> None:
    asked = {**BY_COLLECTION, **BY_ID}[which]
    hidden = SECRET if which in BY_COLLECTION else secret_ids(standing)[which]
    unknown = UNKNOWN if which in BY_COLLECTION else str(uuid.uuid4())
    key = standing.key(asked.scope, groups=groups)
    asked.send(standing, key, str(document(COLLECTION, BACKUPS)) if which in BY_ID else COLLECTION)  # what is kept, is
    with counted_work(standing) as work:
        asked.send(standing, key, unknown)
        for_unknown = _without_keys(work())
        asked.send(standing, key, hidden)
        for_hidden = _without_keys(work())
    assert for_hidden == for_unknown


def test_lists_leave_out_what_a_key_may_not_read(standing: Guarded) -> None:
    key, everyone = standing.key(), standing.key(collections=None)
    for path, name in (("/v1/collections", "name"), ("/v1/streams", "collection")):
        shown = standing.api.get(path, headers=key).json()["collections"]
        assert [each[name] for each in shown] == [COLLECTION]
        shown = standing.api.get(path, headers=everyone).json()["collections"]
        assert [each[name] for each in shown] == [COLLECTION, SECRET]
    assert [each["id"] for each in standing.api.get("/v1/models", headers=key).json()["data"]] == [COLLECTION]


def test_a_key_without_any_collection_sees_an_empty_server(standing: Guarded) -> None:
    key = standing.key(Scope.ADMIN, collections=[])
    assert standing.api.get("/v1/collections", headers=key).json() == {"collections": []}
    assert standing.api.get("/v1/streams", headers=key).json() == {"collections": []}
    answer = standing.api.post("/v1/search", json={"collection": COLLECTION, "query": "x"}, headers=key)
    assert "there are: none yet." in answer.json()["detail"]
    assert standing.api.get(f"/v1/documents/{document(COLLECTION, BACKUPS)}", headers=key).status_code == 404


def test_an_upload_without_a_name_goes_to_the_only_collection_a_key_may_fill(standing: Guarded) -> None:
    key = standing.key(Scope.INGEST)
    answer = standing.api.post("/v1/documents", files=FILES, headers=key)
    assert (answer.status_code, answer.json()["jobs"][0]["collection"]) == (202, COLLECTION)


def _without_keys(done: list[str]) -> list[str]:
    """Leave out the look-up of the key, which happens once in a while."""
    return [each for each in done if "FROM api_keys" not in each]
