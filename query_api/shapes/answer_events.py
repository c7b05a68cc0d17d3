"""The events of a streamed answer, as server-sent events."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from query_api.answering.asking import AnswerFailed, AnswerReady, Ask, Event, FellBack, PassagesFound, TextWritten
from query_api.links import Links
from query_api.problems import problem_of
from query_api.sessions.conversation import StoredTurn
from query_api.shapes.asking import ask_response
from query_api.shapes.citations import Citation, citations_of

HEARTBEAT = ": still here\n\n"


class PassagesEvent(BaseModel):
    """The passages by the numbers that the answer will use."""

    passages: list[Citation]


class TokenEvent(BaseModel):
    """A piece of the answer."""

    text: str


class FallbackEvent(BaseModel):
    """The text so far does not count; the answer that follows is quoted."""

    because: str


async def answer_events(
    ask: Ask, events: AsyncGenerator[Event], links: Links, *, stored: Callable[[], StoredTurn | None] = lambda: None
) -> AsyncGenerator[str]:
    """Yield ``passages``, ``token`` and so on, perhaps ``fallback``, and last ``answer`` or ``problem``.

    ``stored`` is asked at the end where a session keeps the answer.
    """
    async with aclosing(events):
        async for event in events:
            yield _line(ask, event, links, stored)


def events_example() -> dict[str, Any]:
    """Return the schema's example of a stream."""
    text = (
        'event: passages\ndata: {"passages": [{"number": 1, …}]}\n\n'
        'event: token\ndata: {"text": "Backups are kept "}\n\n'
        'event: token\ndata: {"text": "for thirty days [1]."}\n\n'
        'event: answer\ndata: {"answered": true, "answer": "Backups are kept for thirty days [1].", …}\n\n'
    )
    return {"text/event-stream": {"example": text}}


def _line(ask: Ask, event: Event, links: Links, stored: Callable[[], StoredTurn | None]) -> str:
    match event:
        case PassagesFound():
            return _event("passages", PassagesEvent(passages=citations_of(event.passages, links)).model_dump_json())
        case TextWritten():
            return _event("token", TokenEvent(text=event.text).model_dump_json())
        case FellBack():
            return _event("fallback", FallbackEvent(because=event.because).model_dump_json())
        case AnswerReady():
            return _event("answer", ask_response(ask, event.answered, links, stored()).model_dump_json())
        case AnswerFailed():
            return _event("problem", bytes(problem_of(event.error).body).decode())
        case _:
            return HEARTBEAT


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
