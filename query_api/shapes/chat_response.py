"""A chat completion as OpenAI's clients read it, whole and in chunks, with citations in fields of our own."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field

from query_api.answering.asking import Answered, AnswerFailed, AnswerReady, Event, FellBack, PassagesFound, TextWritten
from query_api.links import Links
from query_api.openai_errors import error_of
from query_api.problems import problem_of
from query_api.shapes.answer_events import HEARTBEAT
from query_api.shapes.asking import GenerationShape, citations_in, generation_shape, reason_text
from query_api.shapes.citations import Citation

DONE = "data: [DONE]\n\n"


class ChatMessage(BaseModel):
    """The answer; the numbers in its brackets are those of ``citations``."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    citations: list[Citation] = Field(
        description="What the numbers stand for; when not answered, the nearest passages."
    )


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: ChatMessage
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class ChatUsage(BaseModel):
    """Tokens of the chat model; 0 where quotation answered."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """An answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage
    answered: bool = Field(description="False where the content says why there is no answer.")
    generation: GenerationShape


def completion(collection: str, answered: Answered, links: Links) -> ChatCompletion:
    """Return an answer as a chat completion."""
    message = ChatMessage(content=_content(answered), citations=citations_in(answered, links))
    return ChatCompletion(
        id=_new_id(),
        created=int(time.time()),
        model=collection,
        choices=[Choice(message=message, finish_reason=answered.generation.finish_reason)],
        usage=_usage(answered),
        answered=answered.reason is None,
        generation=generation_shape(answered),
    )


async def completion_chunks(
    collection: str, events: AsyncGenerator[Event], links: Links, *, with_usage: bool
) -> AsyncGenerator[str]:
    """Yield the chunks of an answer; the last one with a choice has its citations, ``[DONE]`` ends them."""
    chunks = _Chunks(collection, links)
    async with aclosing(events):
        async for event in events:
            match event:
                case PassagesFound():
                    yield chunks.line({"role": "assistant", "content": ""})
                case TextWritten():
                    yield chunks.text(event.text)
                case FellBack():
                    chunks.fell_back = event.because
                case AnswerReady():
                    for line in chunks.last(event.answered, with_usage=with_usage):
                        yield line
                case AnswerFailed():
                    problem = json.loads(bytes(problem_of(event.error).body))
                    yield f"data: {json.dumps(error_of(problem))}\n\n"
                case _:
                    yield HEARTBEAT
    yield DONE


class _Chunks:
    """The lines of one stream."""

    def __init__(self, collection: str, links: Links) -> None:
        self._head = {
            "id": _new_id(),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": collection,
        }
        self._links = links
        self._wrote = False
        self.fell_back = ""

    def text(self, text: str) -> str:
        self._wrote = True
        return self.line({"content": text})

    def last(self, answered: Answered, *, with_usage: bool) -> list[str]:
        """Return the lines that end an answer: what the stream still lacks of it, its citations, its usage.

        What was sent cannot be taken back: text that does not count any more is followed by a word that says so.
        """
        lines: list[str] = []
        if answered.text is None or self.fell_back:
            before = f"\n\n({self.fell_back or 'That is no answer.'})\n\n" if self._wrote else ""
            lines.append(self.text(f"{before}{_content(answered)}"))
        citations = [each.model_dump(mode="json") for each in citations_in(answered, self._links)]
        lines.append(
            self.line(
                {"citations": citations},
                finish=answered.generation.finish_reason,
                answered=answered.reason is None,
                generation=generation_shape(answered).model_dump(mode="json"),
            )
        )
        if with_usage:
            lines.append(_line({**self._head, "choices": [], "usage": _usage(answered).model_dump()}))
        return lines

    def line(self, delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _line({**self._head, "choices": [choice], **more})


def _content(answered: Answered) -> str:
    return answered.text or reason_text(answered.reason) or ""


def _usage(answered: Answered) -> ChatUsage:
    read, wrote = answered.usage.prompt_tokens, answered.usage.completion_tokens
    return ChatUsage(prompt_tokens=read, completion_tokens=wrote, total_tokens=read + wrote)


def _new_id() -> str:
    return f"chatcmpl-{uuid4().hex}"


def _line(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
