"""Answers: whole, as they are written, and later."""

from dataclasses import dataclass
from datetime import datetime

from rag_client.shapes.citations import Citation, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence word for word, in the citation of that number."""

    text: str
    citation: int
    span: Span
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Who answered: ``mode`` is ``extractive`` or ``model``; ``because`` says why quotation stepped in."""

    mode: str
    model: str | None
    template: str | None
    fell_back: bool
    because: str | None
    finish_reason: str
    unsupported_citations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of the chat model; 0 where none was asked."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTurn:
    """Where the question and its answer are stored; ``standalone`` is what was looked up for a follow-up."""

    id: str
    turn: int
    standalone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with citations, or in ``reason_text`` why there is none."""

    collection: str
    question: str
    answered: bool
    answer: str | None
    reason: str | None
    reason_text: str | None
    confidence: float
    threshold: float
    quotes: tuple[Quote, ...]
    citations: tuple[Citation, ...]
    generation: Generation
    usage: Usage
    index: str
    model: str
    session: SessionTurn | None

    @property
    def text(self) -> str:
        """The answer, or why there is none: what a person is shown."""
        return self.answer or self.reason_text or ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class PassagesFound:
    """First in a stream: the passages by the numbers that the answer will use."""

    passages: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWritten:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FellBack:
    """The text so far does not count; the answer that follows is quoted."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReady:
    """Last in a stream: the whole answer."""

    answer: Answer


AnswerEvent = PassagesFound | TextWritten | FellBack | AnswerReady


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedAnswer:
    """A question that was taken; ``wait_for_answer`` brings what becomes of it."""

    answer_id: str
    status: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFailure:
    """Why there will be no answer."""

    kind: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What became of the notification."""

    url: str
    status: str
    attempts: int
    response_status: int | None
    error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterAnswer:
    """An asynchronous question and what became of it: ``status`` is queued, running, done or failed."""

    answer_id: str
    status: str
    url: str
    collection: str
    question: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    answer: Answer | None
    withheld: bool
    problem: AnswerFailure | None
    webhook: Webhook | None

    @property
    def is_over(self) -> bool:
        """Nothing more will become of it."""
        return self.status in {"done", "failed"}
