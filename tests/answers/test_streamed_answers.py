import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.answers.conftest import FOREIGN, QUESTION, Api
from tests.answers.event_reading import events_in
from tests.query_api.conftest import COLLECTION
from tests.services.loopback import wait_until


@contextmanager
def streaming(
    api: Api, question: str = QUESTION, **more: Any
) -> Iterator[tuple[httpx.Response, Iterator[tuple[str, Any]]]]:
    body = {"collection": COLLECTION, "question": question, "stream": True, **more}
    with httpx.stream("POST", f"{api.url}/v1/ask", json=body, timeout=30, trust_env=False) as response:
        yield response, events_in(response.iter_lines())


def all_events(api: Api, question: str = QUESTION, **more: Any) -> list[tuple[str, Any]]:
    with streaming(api, question, **more) as (response, events):
        assert response.headers["content-type"].startswith("text/event-stream")
        return [event for event in events if event[0]]


def text_of(events: list[tuple[str, Any]]) -> str:
    return "".join(data["text"] for name, data in events if name == "token")


def test_passages_come_first_then_tokens_then_the_answer(api: Api) -> None:
    events = all_events(api)
    names = [name for name, _ in events]
    assert names[0] == "passages"
    assert names[-1] == "answer"
    assert set(names[1:-1]) == {"token"}
    answer = events[-1][1]
    assert text_of(events) == answer["answer"] == "Backups are kept for thirty days [1]."
    numbers = {each["number"]: each["text"] for each in events[0][1]["passages"]}
    assert all(numbers[each["number"]] == each["text"] for each in answer["citations"])
    assert answer["usage"] == {"prompt_tokens": 50, "completion_tokens": 9}


def test_a_streamed_answer_is_the_whole_answer(api: Api) -> None:
    assert all_events(api)[-1][1] == api.answer()
    foreign = all_events(api, FOREIGN)
    assert [name for name, _ in foreign] == ["passages", "answer"]
    assert foreign[-1][1] == api.answer(FOREIGN)


def test_tokens_leave_while_the_model_still_writes(api: Api) -> None:
    api.chat.say("Backups are kept", " for thirty days [1].", hold_after=1)
    with streaming(api) as (_, events):
        assert next(events)[0] == "passages"
        assert next(events) == ("token", {"text": "Backups are kept"})
        api.chat.release()
        assert [name for name, _ in events][-1] == "answer"


def test_no_citation_of_nothing_is_ever_streamed(api: Api) -> None:
    api.chat.say("Backups [", "7", "7", "] are kept for thirty days [", "1", "].")
    events = all_events(api)
    assert text_of(events) == events[-1][1]["answer"] == "Backups are kept for thirty days [1]."


def test_quotation_streams_too_with_the_numbers_of_the_passages(api: Api) -> None:
    events = all_events(api, "Restores are tested every month, backups are kept how long?", generation="extractive")
    numbers = {each["number"]: each["text"] for each in events[0][1]["passages"]}
    answer = events[-1][1]
    assert text_of(events) == answer["answer"] is not None
    for quote in answer["quotes"]:
        assert quote["text"] in numbers[quote["citation"]]


def test_an_outage_in_the_middle_is_said_and_ends_with_the_quoted_answer(api: Api) -> None:
    api.chat.say("Backups ", "are kept ", "for", drop_after=2)
    events = all_events(api)
    names = [name for name, _ in events]
    assert names[-2:] == ["fallback", "answer"]
    assert text_of(events).startswith("Backups are kept")
    assert "stopped in the middle" in events[-2][1]["because"]
    answer = events[-1][1]
    assert answer["answer"].startswith("Backups are kept for thirty days. [1]")
    assert answer["generation"]["fell_back"] is True


def test_an_outage_of_a_model_that_alone_may_answer_ends_with_a_problem(api: Api) -> None:
    api.chat.say("Backups ", "are kept ", "for", drop_after=2)
    name, problem = all_events(api, generation="model")[-1]
    assert (name, problem["status"], problem["dependency"]) == ("problem", 503, "chat model")


def test_what_is_wrong_with_a_request_is_a_status_and_no_event(api: Api) -> None:
    with streaming(api, collection="elsewhere") as (response, _):
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"


def test_a_client_that_leaves_ends_the_request_at_the_model(api: Api) -> None:
    api.chat.say("Backups ", "are kept ", "for", hold_after=1)
    left = api.chat.left
    with streaming(api) as (_, events):
        assert [next(events)[0] for _ in range(2)] == ["passages", "token"]
    wait_until(lambda: api.chat.left == left + 1, what="the chat server to see the connection closed")


def test_a_client_that_leaves_a_whole_answer_ends_the_request_at_the_model(api: Api) -> None:
    api.chat.say("Backups ", "are kept ", "for", hold_after=1)
    left = api.chat.left
    address = urlsplit(api.url)
    connection = HTTPConnection(str(address.hostname), address.port)
    body = json.dumps({"collection": COLLECTION, "question": QUESTION})
    connection.request("POST", "/v1/ask", body, {"content-type": "application/json"})
    wait_until(lambda: bool(api.chat.requests), what="the model to be asked")
    connection.close()
    wait_until(lambda: api.chat.left == left + 1, what="the chat server to see the connection closed")


def test_beyond_the_models_places_and_the_queue_there_is_503_with_retry_after(api: Api) -> None:
    api.chat.say("Backups ", "are kept for thirty days [1].", hold_after=1)
    api.chat.most_at_once = 0
    answers: list[dict[str, Any]] = []
    asking = [threading.Thread(target=lambda: answers.append(api.answer())) for _ in range(3)]
    for thread in asking:
        thread.start()
    wait_until(lambda: len(api.chat.requests) == 2 and _is_busy(api), what="two to be answered and one to wait")
    refused = api.ask()
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    with streaming(api) as (response, _):
        assert response.status_code == 503
    assert api.answer(generation="extractive")["answered"] is True
    api.chat.release()
    for thread in asking:
        thread.join()
    assert [each["answer"] for each in answers] == ["Backups are kept for thirty days [1]."] * 3
    assert api.chat.most_at_once == 2
    assert api.answer()["generation"]["mode"] == "model", "places are given back"


def _is_busy(api: Api) -> bool:
    """Say whether no place is left; a question that found one is left again at once."""
    with httpx.Client(trust_env=False) as client:
        body = {"collection": COLLECTION, "question": QUESTION, "stream": True}
        with client.stream("POST", f"{api.url}/v1/ask", json=body) as response:
            return response.status_code == 503
