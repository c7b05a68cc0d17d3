"""Asynchronous answers: what is said when a question is taken, and what becomes of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from query_api.shapes.asking import AskResponse
from rag_core.queued_answers import AnswerShown, AnswerState, FailureKind, WebhookShown, WebhookState


class QueuedAnswer(BaseModel):
    """A question that was taken; look at ``url`` for what becomes of it."""

    answer_id: UUID
    status: AnswerState
    url: str


class AnswerFailure(BaseModel):
    """Why there will be no answer."""

    kind: FailureKind
    detail: str
    remedy: str


class WebhookShape(BaseModel):
    """What became of the notification."""

    url: str
    status: WebhookState
    attempts: int
    response_status: int | None = Field(description="The receiver's last HTTP status; null where none came.")
    error: str | None = Field(description="Why it did not arrive the last time.")
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class AnswerShape(BaseModel):
    """An asynchronous question and what became of it."""

    answer_id: UUID
    status: AnswerState
    url: str
    collection: str
    question: str
    created_at: datetime
    started_at: datetime | None = Field(description="When a worker began with it for the first time.")
    finished_at: datetime | None
    attempts: int = Field(description="How often a worker began with it.")
    next_attempt_at: datetime | None = Field(description="While it is queued: when a worker may take it.")
    answer: AskResponse | None = Field(description="The whole answer, as `POST /v1/ask` gives it; null until done.")
    withheld: bool = Field(description="What the answer was made from is gone, or the key may not read it any more.")
    problem: AnswerFailure | None = Field(description="Why it failed.")
    webhook: WebhookShape | None = Field(description="null where none was asked for.")


def url_of(answer_id: UUID) -> str:
    """Return where an answer is looked at."""
    return f"/v1/answers/{answer_id}"


def answer_json(found: AnswerShown, *, withheld: bool) -> dict[str, Any]:
    """Return an ``AnswerShape`` as JSON; the stored answer is passed on as the version that made it wrote it."""
    shape = AnswerShape(
        answer_id=found.answer_id,
        status=found.state,
        url=url_of(found.answer_id),
        collection=found.collection,
        question=found.question,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        attempts=found.attempts,
        next_attempt_at=found.next_at,
        answer=None,
        withheld=withheld,
        problem=_failure(found),
        webhook=None if found.webhook is None else _webhook(found.webhook),
    )
    answer = None if withheld else found.answer
    return {**shape.model_dump(mode="json"), "answer": None if answer is None else dict(answer)}


def _failure(found: AnswerShown) -> AnswerFailure | None:
    failure = found.failure
    if failure is None:
        return None
    return AnswerFailure(kind=failure.kind, detail=failure.message, remedy=failure.remedy)


def _webhook(shown: WebhookShown) -> WebhookShape:
    return WebhookShape(
        url=shown.url,
        status=shown.state,
        attempts=shown.attempts,
        response_status=shown.status,
        error=shown.error or None,
        next_attempt_at=shown.next_at,
        delivered_at=shown.delivered_at,
    )
