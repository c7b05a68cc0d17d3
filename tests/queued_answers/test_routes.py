"""Asynchronous questions over REST: taken, shown, forgotten; each its key's own, with the rights of the moment."""

import time
from uuid import uuid4

import pytest

from query_api.authentication import KEPT_S
from rag_core.callers import Scope
from rag_core.queued_answers import MAX_ATTEMPTS
from tests.catalog.observing import rows
from tests.query_api.conftest import BOARD, COLLECTION
from tests.query_api.guarding import SECRET, Guarded
from tests.queued_answers.conftest import QUESTION, answer_all, body, look, queue
from tests.services.loopback import free_port, wait_until

SALARIES = "By how much do salaries rise in May?"


def database(asked: Guarded) -> str:
    return asked.settings.require("database_url")


def test_a_question_is_queued_answered_and_forgotten(guarded: Guarded) -> None:
    key = guarded.key()
    sent = guarded.api.post("/v1/ask", json=body(), headers=key | {"X-Request-ID": "abc"})
    assert sent.status_code == 202
    url = sent.json()["url"]
    assert sent.headers["location"] == url == f"/v1/answers/{sent.json()['answer_id']}"
    assert sent.json()["status"] == "queued"
    waiting = guarded.api.get(url, headers=key)
    assert waiting.headers["retry-after"] == "1"
    assert (waiting.json()["status"], waiting.json()["answer"], waiting.json()["attempts"]) == ("queued", None, 0)
    assert answer_all(guarded) == 1
    shown = look(guarded, key, url)
    assert (shown["status"], shown["question"], shown["collection"]) == ("done", QUESTION, COLLECTION)
    at_once = guarded.api.post("/v1/ask", json={**body(), "async": False}, headers=key).json()
    assert shown["answer"] == at_once
    assert rows(database(guarded), "SELECT request_id, owner = '' FROM answers") == [("abc", False)]
    assert guarded.api.delete(url, headers=key).status_code == 204
    assert guarded.api.get(url, headers=key).status_code == 404
    assert guarded.api.delete(url, headers=key).status_code == 404


def test_another_keys_answer_does_not_exist(guarded: Guarded) -> None:
    own, other, admin = guarded.key(), guarded.key(), guarded.key(Scope.ADMIN, collections=None)
    url = queue(guarded, own)
    answer_all(guarded)
    never = f"/v1/answers/{uuid4()}"
    for key in (other, admin):
        for method in ("GET", "DELETE"):
            refused = [guarded.api.request(method, each, headers=key) for each in (url, never)]
            assert [each.status_code for each in refused] == [404, 404]
            words = [
                each.text.replace(path.rsplit("/", 1)[1], "ID")
                for each, path in zip(refused, (url, never), strict=True)
            ]
            assert words[0] == words[1]
    assert guarded.api.get(url).status_code == 401
    assert look(guarded, own, url)["status"] == "done"


def test_an_idempotency_key_returns_the_old_answer(guarded: Guarded) -> None:
    key, once = guarded.key(), {"Idempotency-Key": "7"}
    first = guarded.api.post("/v1/ask", json=body(), headers=key | once)
    answer_all(guarded)
    again = guarded.api.post("/v1/ask", json=body(), headers=key | once)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["answer_id"] == again.json()["answer_id"]
    assert again.json()["status"] == "done"
    other = guarded.api.post("/v1/ask", json=body("Another?"), headers=key | once)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    stranger = guarded.api.post("/v1/ask", json=body(), headers=guarded.key() | once)
    assert stranger.json()["answer_id"] != first.json()["answer_id"]


@pytest.mark.parametrize("asked", [{"answers_queue": 2}], indirect=True)
def test_a_full_queue_says_when_to_come_again(asked: Guarded) -> None:
    key = asked.key()
    first = queue(asked, key)
    queue(asked, key, "Another?")
    full = asked.api.post("/v1/ask", json=body("A third?"), headers=key)
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) > 0
    assert full.json()["remedy"]
    assert asked.api.delete(first, headers=key).status_code == 204
    queue(asked, key, "A third?")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stream": True}, "stream"),
        ({"session_id": str(uuid4())}, "session_id"),
        ({"filters": {"nowhere": 1}}, "nowhere"),
        ({"collection": "nowhere"}, "No index serves"),
        ({"collection": SECRET}, "No index serves"),
        ({"webhook_url": "https://example.com/hook"}, "not allowed"),
        ({"async": False, "webhook_url": "https://example.com/hook"}, "webhook_url"),
        ({"question": ""}, "question"),
    ],
)
def test_what_can_never_be_answered_is_refused_at_once(guarded: Guarded, more: dict[str, object], said: str) -> None:
    refused = guarded.api.post("/v1/ask", json=body() | more, headers=guarded.key())
    assert refused.status_code == 422, refused.text
    assert said in refused.json()["detail"]
    assert refused.json()["remedy"]
    assert rows(database(guarded), "SELECT count(*) FROM answers") == [(0,)]


def test_an_idempotency_key_belongs_to_an_asynchronous_question(guarded: Guarded) -> None:
    refused = guarded.api.post(
        "/v1/ask", json=body() | {"async": False}, headers=guarded.key() | {"Idempotency-Key": "7"}
    )
    assert refused.status_code == 422


def test_a_key_revoked_before_its_question_was_answered_gets_none(guarded: Guarded) -> None:
    key = guarded.key(name="leaving")
    queue(guarded, key)
    guarded.catalog.keys.revoke("leaving")
    assert answer_all(guarded) == 1
    stored = rows(database(guarded), "SELECT state, failure_kind, answer IS NULL, remedy <> '' FROM answers")
    assert stored == [("failed", "not-permitted", True, True)]


def test_a_question_without_a_key_is_not_answered_where_keys_are_asked_for(guarded: Guarded) -> None:
    queue(guarded, guarded.key())
    rows(database(guarded), "UPDATE answers SET owner = ''")
    answer_all(guarded)
    assert rows(database(guarded), "SELECT failure_kind FROM answers") == [("not-permitted",)]


def test_groups_narrowed_before_the_answer_narrow_it(guarded: Guarded) -> None:
    key = guarded.key(groups=["board"], name="narrow")
    queue(guarded, key, SALARIES)
    rows(database(guarded), "UPDATE api_keys SET groups = '{}' WHERE name = 'narrow'")
    answer_all(guarded)
    ((answer, seen_as),) = rows(database(guarded), "SELECT answer::text, seen_as FROM answers")
    assert BOARD.uri not in answer
    assert seen_as == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_keys SET groups = '{}' WHERE name = 'narrow'",
        "UPDATE api_keys SET groups = '{sales}' WHERE name = 'narrow'",
    ],
)
def test_groups_narrowed_after_the_answer_withhold_it(guarded: Guarded, statement: str) -> None:
    key = guarded.key(groups=["board"], name="narrow")
    url = queue(guarded, key, SALARIES)
    answer_all(guarded)
    shown = look(guarded, key, url)
    assert BOARD.uri in {each["uri"] for each in shown["answer"]["citations"]}
    rows(database(guarded), statement)
    forget_keys(guarded)
    shown = look(guarded, key, url)
    assert (shown["status"], shown["withheld"], shown["answer"]) == ("done", True, None)


@pytest.mark.parametrize("groups", [None, ["board"]])
def test_an_answer_is_withheld_once_a_document_that_it_cites_is_gone(
    guarded: Guarded, groups: list[str] | None
) -> None:
    key = guarded.key(groups=groups)
    url = queue(guarded, key)
    answer_all(guarded)
    cited = look(guarded, key, url)["answer"]["citations"][0]["document_id"]
    gone = f"UPDATE answers SET answer = replace(answer::text, '{cited}', '{uuid4()}')::jsonb"
    rows(database(guarded), gone)
    shown = look(guarded, key, url)
    assert (shown["status"], shown["withheld"], shown["answer"]) == ("done", True, None)


def test_a_collection_taken_from_the_key_takes_the_answer_with_it(guarded: Guarded) -> None:
    key = guarded.key(name="narrow")
    url = queue(guarded, key)
    answer_all(guarded)
    rows(database(guarded), f"UPDATE api_keys SET collections = '{{{SECRET}}}' WHERE name = 'narrow'")
    forget_keys(guarded)
    assert guarded.api.get(url, headers=key).status_code == 404


@pytest.mark.parametrize("asked", [{"qdrant_url": f"http://127.0.0.1:{free_port()}"}], indirect=True)
def test_while_the_index_is_away_questions_wait_and_fail_in_the_end_with_what_to_do(asked: Guarded) -> None:
    key = asked.key()
    url = queue(asked, key)
    for attempt in range(1, MAX_ATTEMPTS):
        answer_all(asked)
        shown = look(asked, key, url)
        assert (shown["status"], shown["attempts"]) == ("queued", attempt)
        assert shown["next_attempt_at"] is not None
        rows(database(asked), "UPDATE answers SET due_at = now()")
    answer_all(asked)
    shown = look(asked, key, url)
    assert (shown["status"], shown["attempts"], shown["problem"]["kind"]) == ("failed", MAX_ATTEMPTS, "unavailable")
    assert shown["problem"]["remedy"]
    assert "127.0.0.1" not in shown["problem"]["detail"]


def test_the_audit_log_tells_who_queued_and_deleted(guarded: Guarded) -> None:
    key = guarded.key(name="asker")
    url = queue(guarded, key)
    guarded.api.delete(url, headers=key)

    def actions() -> list[str]:
        return [entry.action for _, entry in guarded.catalog.audit.page(key="asker")]

    wait_until(lambda: len(actions()) == 2, what="the audit log")
    assert actions() == ["answers.delete", "answers.create"]


def forget_keys(guarded: Guarded) -> None:
    """Let the moment pass in which a looked-up key is believed."""
    time.sleep(KEPT_S)
