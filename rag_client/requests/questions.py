"""Search and ask: whole, as it is written, later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack
from uuid import uuid4

import httpx

from rag_client.calls import Call, given, listed
from rag_client.connecting import Connecting
from rag_client.decoding import decode
from rag_client.errors import StreamBroken, problem_of
from rag_client.requests.waiting import until
from rag_client.requests.words import Filters, Fusion, Id, LaterWishes, Mode, Wishes
from rag_client.shapes.answers import (
    Answer,
    AnswerEvent,
    AnswerReady,
    FellBack,
    LaterAnswer,
    PassagesFound,
    QueuedAnswer,
    TextWritten,
)
from rag_client.shapes.citations import SearchResult
from rag_client.sse import EventReader, ServerEvent
from rag_client.steps import Flow, Give, Read, Steps, as_json, once, opened, trouble


def search(
    collection: str,
    query: str,
    *,
    mode: Mode | None = None,
    fusion: Fusion | None = None,
    top_k: int | None = None,
    filters: Filters | None = None,
    groups: Sequence[str] | None = None,
) -> Flow[SearchResult]:
    """Find passages by meaning and by words, best first."""
    body = given(
        collection=collection,
        query=query,
        mode=mode,
        fusion=fusion,
        top_k=top_k,
        filters=filters,
        groups=listed(groups),
    )
    return once(Call(method="POST", path="/v1/search", body=body, shape=SearchResult, is_repeatable=True))


def ask(collection: str, question: str, **wishes: Unpack[Wishes]) -> Flow[Answer]:
    """Answer a question with citations, or say why the passages do not answer.

    Within a session it is not sent twice: a connection that breaks leaves open whether the turn was stored.
    """
    body = _asked(collection, question, **wishes)
    return once(
        Call(method="POST", path="/v1/ask", body=body, shape=Answer, is_repeatable=wishes.get("session_id") is None)
    )


def ask_stream(collection: str, question: str, **wishes: Unpack[Wishes]) -> Flow[AnswerEvent]:
    """Answer as it is written: the passages, pieces of text, last the whole answer.

    Raises the problem that ends it, or ``StreamBroken`` where it ends without an answer; until its first event it is
    tried again like ``ask``.
    """
    call = Call(
        method="POST",
        path="/v1/ask",
        body={**_asked(collection, question, **wishes), "stream": True},
        shape=Answer,
        is_repeatable=wishes.get("session_id") is None,
        is_streamed=True,
    )

    def steps(connecting: Connecting) -> Steps[None]:
        response = yield from opened(call, connecting)
        request_id = response.headers.get("x-request-id", "")
        reader = EventReader()
        while piece := (yield from _piece(call, connecting, request_id)):
            for sent in reader.feed(piece):
                event = _event(sent, request_id)
                if event is not None:
                    yield Give(event)
                if isinstance(event, AnswerReady):
                    return
        raise StreamBroken("The stream ended before the answer.", request_id=request_id)

    return Flow(steps)


def ask_later(
    collection: str, question: str, *, idempotency_key: str | None = None, **wishes: Unpack[LaterWishes]
) -> Flow[QueuedAnswer]:
    """Queue a question; ``wait_for_answer`` brings its answer.

    The same ``idempotency_key`` with the same question queues it once, however often it is sent; without one each call
    has its own, so that sending it again after a broken connection is safe, too.
    """
    return once(
        Call(
            method="POST",
            path="/v1/ask",
            body={**_asked(collection, question, **wishes), "async": True},
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
            shape=QueuedAnswer,
            is_repeatable=True,
        )
    )


def answer(answer_id: Id | QueuedAnswer | LaterAnswer) -> Flow[LaterAnswer]:
    """Show an asynchronous question and what became of it."""
    return once(_shown(answer_id))


def wait_for_answer(
    answer_id: Id | QueuedAnswer | LaterAnswer, *, timeout_s: float | None = 300.0
) -> Flow[LaterAnswer]:
    """Wait until an asynchronous question is answered or has failed; outages of the server are waited out.

    Raises ``WaitedTooLong`` after ``timeout_s``; the question stays where it is.
    """
    return until(_shown(answer_id), lambda shown: shown.is_over, timeout_s=timeout_s, what="the answer")


def forget_answer(answer_id: Id | QueuedAnswer | LaterAnswer) -> Flow[None]:
    """Delete an asynchronous question with its answer; one that waits is not answered any more."""
    at = {"answer_id": _id(answer_id)}
    return once(Call(method="DELETE", path="/v1/answers/{answer_id}", at=at, shape=type(None), is_repeatable=True))


def _shown(answer_id: Id | QueuedAnswer | LaterAnswer) -> Call[LaterAnswer]:
    at = {"answer_id": _id(answer_id)}
    return Call(method="GET", path="/v1/answers/{answer_id}", at=at, shape=LaterAnswer, is_repeatable=True)


def _id(answer: Id | QueuedAnswer | LaterAnswer) -> str:
    return answer.answer_id if isinstance(answer, QueuedAnswer | LaterAnswer) else str(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What is read first of the problem that ends a stream."""

    status: int


def _asked(
    collection: str,
    question: str,
    *,
    groups: Sequence[str] | None = None,
    session_id: Id | None = None,
    **wishes: Any,
) -> dict[str, Any]:
    unknown = set(wishes) - (Wishes.__annotations__.keys() | LaterWishes.__annotations__.keys())
    if unknown:
        message = f"unexpected argument {min(unknown)!r}"
        raise TypeError(message)
    return given(
        collection=collection,
        question=question,
        groups=listed(groups),
        session_id=None if session_id is None else str(session_id),
        **wishes,
    )


def _piece(call: Call[Any], connecting: Connecting, request_id: str) -> Steps[bytes]:
    try:
        return (yield Read())
    except httpx.TimeoutException as error:
        raise trouble(call, error, connecting, request_id) from error
    except httpx.HTTPError as error:
        raise StreamBroken(f"The stream broke before the answer: {error}", request_id=request_id) from error


def _event(sent: ServerEvent, request_id: str) -> AnswerEvent | None:
    """Return an event as it is given; None for a kind that a newer server sends."""
    match sent.name:
        case "passages":
            return decode(PassagesFound, as_json(sent.data))
        case "token":
            return decode(TextWritten, as_json(sent.data))
        case "fallback":
            return decode(FellBack, as_json(sent.data))
        case "answer":
            return AnswerReady(answer=decode(Answer, as_json(sent.data)))
        case "problem":
            raise problem_of(decode(_Ended, as_json(sent.data)).status, sent.data, request_id=request_id)
        case _:
            return None
