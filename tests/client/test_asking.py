from types import SimpleNamespace
from typing import Any

import pytest

from rag_client import (
    AnswerReady,
    InvalidRequest,
    NotFound,
    PassagesFound,
    RagClient,
    TextWritten,
    WaitedTooLong,
)
from tests.client.conftest import COLLECTION, FOREIGN, QUESTION, Open, Service
from tests.queued_answers.conftest import answer_all

pytestmark = pytest.mark.xdist_group("client")  # one service for all of them


def test_a_search_brings_typed_passages(rag: RagClient) -> None:
    found = rag.search(COLLECTION, "backups kept", top_k=2, filters={"team": "platform"}, mode="hybrid")
    first = found.results[0]
    assert (first.number, first.title, first.scores.sparse is not None) == (1, first.title, True)
    assert "thirty days" in first.text
    assert first.pages is not None
    assert first.pages.first == 3


def test_an_answer_has_its_text_and_citations(rag: RagClient) -> None:
    answer = rag.ask(COLLECTION, QUESTION)
    assert answer.answered
    assert "thirty days" in str(answer)
    assert answer.citations[0].uri.endswith("backups.md")
    assert answer.generation.mode == "extractive"


def test_no_answer_says_why(rag: RagClient) -> None:
    answer = rag.ask(COLLECTION, FOREIGN)
    assert not answer.answered
    assert answer.text == answer.reason_text != ""


def test_a_streamed_answer_is_events_and_last_the_whole(rag: RagClient) -> None:
    events = list(rag.ask_stream(COLLECTION, QUESTION, top_k=3))
    assert isinstance(events[0], PassagesFound)
    assert isinstance(events[-1], AnswerReady)
    written = "".join(event.text for event in events if isinstance(event, TextWritten))
    assert written.strip() == events[-1].answer.text
    assert events[-1].answer.text == rag.ask(COLLECTION, QUESTION, top_k=3).text


def test_a_stream_may_be_left_and_the_client_goes_on(rag: RagClient) -> None:
    events = rag.ask_stream(COLLECTION, QUESTION)
    next(events)
    events.close()
    assert rag.ask(COLLECTION, QUESTION).answered


def test_a_question_for_later_is_waited_for_and_forgotten(rag: RagClient, service: Service) -> None:
    queued = rag.ask_later(COLLECTION, QUESTION, idempotency_key="weekly", generation="extractive")
    assert rag.ask_later(COLLECTION, QUESTION, idempotency_key="weekly", generation="extractive") == queued
    with pytest.raises(WaitedTooLong):
        rag.wait_for_answer(queued, timeout_s=0)
    _answer_all(service)
    done = rag.wait_for_answer(queued, timeout_s=30)
    assert (done.status, done.problem) == ("done", None)
    assert done.answer is not None
    assert "thirty days" in done.answer.text
    rag.forget_answer(done)
    with pytest.raises(NotFound):
        rag.answer(queued)


def test_a_session_is_a_conversation(rag: RagClient) -> None:
    project = rag.create_project("Moving")
    session = rag.create_session([COLLECTION], project_id=project.id)
    rag.ask(COLLECTION, QUESTION, session_id=session.id)
    followed = rag.ask(COLLECTION, "And who tests them?", session_id=session.id)
    assert followed.session is not None
    assert followed.session.turn == 2
    assert followed.session.standalone is not None
    assert [message.role for message in rag.messages(session.id, page_size=1)] == ["user", "assistant"] * 2
    assert [each.id for each in rag.sessions(project_id=project.id)] == [session.id]
    assert rag.session(session.id).turns == 2
    assert rag.rename_project(project.id, "Moved").title == rag.project(project.id).title == "Moved"
    other = rag.create_project("Another")
    assert {project.id, other.id} <= {each.id for each in rag.projects(page_size=1)}
    rag.delete_session(session.id)
    for each in (project, other):
        rag.delete_project(each.id)
    with pytest.raises(NotFound):
        rag.session(session.id)


def test_a_wrong_request_names_the_field_and_the_request(rag: RagClient, connect: Open, service: Service) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rag.search(COLLECTION, "x" * 2001)
    assert (refused.value.status, refused.value.errors[0]["field"]) == (422, "body.query")
    assert refused.value.remedy
    named = connect(service.url, request_ids=lambda: "mine-7")
    with pytest.raises(NotFound) as gone:
        named.model("nothing")
    assert (gone.value.request_id, gone.value.status) == ("mine-7", 404)
    assert "nothing" in gone.value.detail


def test_a_word_in_place_of_a_list_is_refused_before_it_is_sent(rag: RagClient) -> None:
    wrong: Any = COLLECTION
    with pytest.raises(TypeError, match="a list of words"):
        rag.create_session(wrong)
    unknown: Any = {"topk": 3}
    with pytest.raises(TypeError, match="topk"):
        rag.ask(COLLECTION, QUESTION, **unknown)


def _answer_all(service: Service) -> None:
    asked: Any = SimpleNamespace(settings=service.settings)
    answer_all(asked)
