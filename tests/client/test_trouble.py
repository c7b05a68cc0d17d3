"""What happens when the server is away, busy, slow, broken, newer, or not this API at all."""

import json
from typing import Any

import pytest

from rag_client import (
    Conflict,
    NotAuthenticated,
    Problem,
    RagClient,
    RagError,
    RateLimited,
    Retries,
    StreamBroken,
    TextWritten,
    TimedOut,
    Unavailable,
    UnexpectedResponse,
    Unreachable,
    WaitedTooLong,
)
from tests.client.conftest import Open
from tests.client.scripted import Say, scripted
from tests.services.loopback import free_port

PROBLEM: dict[str, Any] = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
BUSY = Say(
    status=503,
    body=json.dumps({**PROBLEM, "detail": "The catalog is away.", "remedy": "Wait.", "dependency": "catalog"}),
    headers={"Retry-After": "0", "X-Request-ID": "theirs"},
)
MODELS = Say(body='{"object": "list", "data": [], "newer": {"than": "this"}}')
FOUND = Say(
    body=json.dumps(dict.fromkeys(("collection", "query", "mode", "fusion", "index", "model"), "x") | {"results": []})
)
JOB: dict[str, Any] = {
    **dict.fromkeys(("job_id", "message", "name", "collection", "document_id", "uri", "media_type", "sha256"), "x"),
    "size_bytes": 1,
    "arrival": 1,
    "reason": None,
    "run_url": None,
    "recorded_at": "2026-01-05T09:30:00Z",
    "changed_at": "2026-01-05T09:30:00Z",
}


def test_a_busy_server_is_asked_again_with_the_same_request_id(connect: Open) -> None:
    with scripted(BUSY, BUSY, MODELS) as server:
        assert connect(server.url, api_key="rag_secret").models() == ()
    assert len(server.requests) == 3
    assert len(set(server.headers("X-Request-ID"))) == 1
    assert set(server.headers("Authorization")) == {"Bearer rag_secret"}


def test_attempts_are_bounded_and_the_problem_says_what_to_do(connect: Open) -> None:
    with scripted(BUSY, BUSY, BUSY) as server, pytest.raises(Unavailable) as problem:
        connect(server.url).search("handbook", "x")
    error = problem.value
    assert (error.status, error.detail, error.remedy) == (503, "The catalog is away.", "Wait.")
    assert (error.dependency, error.request_id, error.retry_after_s) == ("catalog", "theirs", 0)
    assert len(server.requests) == 3


def test_a_wait_that_is_too_long_is_left_to_the_caller(connect: Open) -> None:
    limited = Say(status=429, body="{}", headers={"Retry-After": "3600"})
    with scripted(limited) as server, pytest.raises(RateLimited) as problem:
        connect(server.url).models()
    assert problem.value.retry_after_s == 3600


def test_what_would_be_done_twice_is_sent_once(connect: Open) -> None:
    with scripted(BUSY, BUSY, Say(cut=True)) as server:
        rag = connect(server.url)
        with pytest.raises(Unavailable):
            rag.create_session(["handbook"])
        with pytest.raises(Unavailable):
            rag.ask("handbook", "x", session_id="019aa5b0-6c1e-7d30-9a57-3f6f0c2f4b11")
        with pytest.raises(Unreachable):
            rag.create_project("x")
    assert len(server.requests) == 3


def test_a_question_for_later_may_be_sent_again_since_it_has_a_key(connect: Open) -> None:
    queued = Say(status=202, body='{"answer_id": "7", "status": "queued", "url": "/v1/answers/7"}')
    with scripted(Say(cut=True), Say(status=409, body="{}"), queued) as server:
        assert connect(server.url).ask_later("handbook", "x").answer_id == "7"
    assert len(set(server.headers("Idempotency-Key"))) == 1


def test_a_broken_connection_is_tried_again_where_that_changes_nothing(connect: Open) -> None:
    with scripted(Say(cut=True), FOUND) as server:
        assert connect(server.url).search("handbook", "x").results == ()
    with scripted(BUSY, Say(status=409, body="{}")) as server, pytest.raises(Conflict):
        connect(server.url, retries=Retries(attempts=2, first_delay_s=0)).search("handbook", "x")


def test_a_server_that_is_down_is_said_with_its_address(connect: Open) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    rag = connect(url)
    with pytest.raises(Unreachable, match=url):
        rag.alive()
    with pytest.raises(WaitedTooLong, match="cannot be reached"):
        rag.wait_until_ready(timeout_s=0.05)


def test_a_silent_server_is_given_up_after_the_timeout(connect: Open) -> None:
    with scripted(Say(silent=True)) as server, pytest.raises(TimedOut) as error:
        connect(server.url, timeout_s=0.1).models()
    assert error.value.request_id == server.headers("X-Request-ID")[0]


def test_waiting_ends_with_its_time_where_the_server_is_silent(connect: Open) -> None:
    with scripted(Say(silent=True)) as server, pytest.raises(WaitedTooLong) as error:
        connect(server.url, timeout_s=5).wait_for_job("7", timeout_s=0.2)
    assert isinstance(error.value.__cause__, TimedOut)
    assert "no byte for 1 s" in str(error.value)


def test_waiting_goes_on_through_an_outage(connect: Open) -> None:
    pending, done = ({**JOB, "status": status} for status in ("Pending", "Completed"))
    answers = [BUSY, Say(cut=True), Say(body=json.dumps(pending)), Say(body=json.dumps(done))]
    with scripted(*answers) as server:
        assert connect(server.url).wait_for_job("7").is_searchable
    assert len(server.requests) == 4


def test_events_of_a_job_are_followed_over_broken_streams(connect: Open) -> None:
    def events(*states: str, cut: bool) -> Say:
        data = "".join(f"event: job\ndata: {json.dumps({**JOB, 'status': state})}\n\n" for state in states)
        return Say(body=f"retry: 10\n\n: still here\n\n{data}", cut=cut)

    with scripted(
        events("Pending", cut=True), events("Pending", cut=False), events("Processing", "Completed", cut=False)
    ) as server:
        assert [job.status for job in connect(server.url).job_events("7")] == ["Pending", "Processing", "Completed"]
    with scripted(*[events("Pending", cut=True)] * 4) as server, pytest.raises(StreamBroken):
        list(connect(server.url).job_events("7"))


def test_an_answer_that_breaks_off_is_no_answer(connect: Open) -> None:
    token = 'event: token\ndata: {"text": "Back"}\n\nevent: newer\ndata: {}\n\n'
    ended = json.dumps({**PROBLEM, "detail": "The chat model does not answer.", "remedy": "Wait."})
    for answer, wanted in (
        (Say(body=token, cut=True), StreamBroken),
        (Say(body=token), StreamBroken),
        (Say(body=f"{token}event: problem\ndata: {ended}\n\n"), Unavailable),
    ):
        with scripted(answer) as server:
            events = connect(server.url).ask_stream("handbook", "x")
            assert next(events) == TextWritten(text="Back")
            with pytest.raises(wanted):
                next(events)


def test_what_is_missing_is_named_and_what_is_new_is_left_out(connect: Open) -> None:
    old = Say(body='{"object": "list", "data": [{"id": "handbook", "object": "model", "created": 0}]}')
    wrong = Say(body='{"object": "list", "data": [{"id": 7, "object": "model", "created": 0, "owned_by": "x"}]}')
    with scripted(MODELS, old, wrong) as server:
        rag = connect(server.url)
        assert rag.models() == ()
        with pytest.raises(UnexpectedResponse, match=r"data\[0\].owned_by"):
            rag.models()
        with pytest.raises(UnexpectedResponse, match=r"data\[0\].id"):
            rag.models()


def test_what_is_not_this_api_is_said_to_be_so(connect: Open) -> None:
    page, moved = Say(body="<html>hello</html>"), Say(status=307, headers={"Location": "https://elsewhere/"})
    openai = Say(status=401, body='{"error": {"message": "No valid key. Send one.", "type": "authentication_error"}}')
    with scripted(page, moved, openai, Say(status=502, body="<html>bad gateway</html>")) as server:
        rag = connect(server.url)
        with pytest.raises(UnexpectedResponse, match="<html>hello"):
            rag.models()
        with pytest.raises(UnexpectedResponse, match="elsewhere"):
            rag.models()
        with pytest.raises(NotAuthenticated, match="No valid key"):
            rag.models()
        with pytest.raises(Problem, match="502") as error:
            rag.models()
    assert "gateway" in error.value.detail


def test_a_refusal_brings_the_jobs_of_what_was_taken_before_it(connect: Open) -> None:
    said = {"status": 413, "title": "Content Too Large", "detail": "Too many.", "remedy": "", "jobs": ["a", "b"]}
    with scripted(Say(status=413, body=json.dumps(said))) as server, pytest.raises(Problem) as refused:
        connect(server.url).upload(("c.md", b"text"), collection="papers")
    assert refused.value.jobs == ("a", "b")


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        RagClient(url)


def test_no_key_is_in_what_a_client_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_URL", "http://rag.example/v1/")
    monkeypatch.setenv("RAG_API_KEY", "rag_secret")
    with RagClient.from_environment() as rag:
        assert repr(rag) == "RagClient('http://rag.example')"
        assert "rag_secret" not in repr(vars(rag))
    assert issubclass(WaitedTooLong, RagError)


def test_ids_cannot_leave_their_place_in_the_path(connect: Open) -> None:
    with scripted(Say(status=404)) as server, pytest.raises(Problem):
        connect(server.url).model("../../metrics?x=")
    assert server.requests[0].startswith("GET /v1/models/..%2F..%2Fmetrics%3Fx%3D HTTP/1.1")
    with pytest.raises(ValueError, match="model"):
        connect(server.url).model("..")
