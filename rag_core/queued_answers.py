"""Questions that are answered later: what is queued, what becomes of it, and when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from rag_core.errors import InvalidRequest, Transient

MAX_ATTEMPTS = 6
_ANSWER_DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0)
MAX_DELIVERIES = 8
_DELIVERY_DELAYS_S = (2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 21_600.0)


class AnswerState(StrEnum):
    """Where a question stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class FailureKind(StrEnum):
    """Why there will be no answer; stable words that clients decide by."""

    INVALID_REQUEST = "invalid-request"
    NOT_PERMITTED = "not-permitted"
    CONFIGURATION = "configuration"
    UNAVAILABLE = "unavailable"
    ATTEMPTS_EXHAUSTED = "attempts-exhausted"
    INTERNAL = "internal"


class WebhookState(StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnswer:
    """A question to queue; ``request`` is the body as JSON, ``owner`` a key's id, empty where no keys are asked for."""

    answer_id: UUID
    owner: str
    collection: str
    request: Mapping[str, Any]
    request_sha256: bytes
    idempotency_key: str | None = None
    webhook_url: str | None = None
    request_id: str = ""
    trace_parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAnswer:
    """The right to answer a question, until ``holder`` stops renewing it; ``attempt`` counts from 1."""

    answer_id: UUID
    holder: UUID
    owner: str
    collection: str
    request: Mapping[str, Any]
    attempt: int
    request_id: str
    trace_parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no answer, and what to do next."""

    kind: FailureKind
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookShown:
    """What became of an answer's notification; ``next_at`` is when it is tried again."""

    url: str
    state: WebhookState
    attempts: int
    status: int | None
    error: str
    next_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShown:
    """A question with what became of it.

    ``seen_as`` are the groups through whose eyes it was answered, ``None`` for someone who sees every document.
    """

    answer_id: UUID
    state: AnswerState
    collection: str
    question: str
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_at: datetime | None
    seen_as: tuple[str, ...] | None
    answer: Mapping[str, Any] | None
    failure: Failure | None
    webhook: WebhookShown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenWebhook:
    """The right to send a notification, for a while; ``webhook_id`` stays the same however often it is sent."""

    webhook_id: UUID
    holder: UUID
    answer_id: UUID
    url: str
    state: AnswerState
    collection: str
    attempt: int
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How much there is to do; ``oldest_s`` is the age of the oldest question that waits."""

    waiting: int
    running: int
    oldest_s: float
    webhooks_waiting: int


class AnswersFull(Transient):
    """As many questions wait as may."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting} questions wait for an answer, as many as may.",
            remedy="Ask again later; more workers answer faster, RAG_ANSWERS_QUEUE is how many may wait.",
        )


class UnknownAnswer(InvalidRequest):
    """There is no such answer, or it is another caller's: nobody can tell which."""

    def __init__(self, answer_id: UUID) -> None:
        super().__init__(f"There is no answer {answer_id}.", remedy="POST /v1/ask with 'async' returns an answer's id.")


class OtherRequest(InvalidRequest):
    """An ``Idempotency-Key`` came again with another question."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request.", remedy="Use a new key for each new request."
        )


def answer_delay_s(attempt: int) -> float | None:
    """Return how long to wait after a question's attempt that failed; None when it was the last."""
    return _ANSWER_DELAYS_S[attempt - 1] if attempt < MAX_ATTEMPTS else None


def delivery_delay_s(attempt: int) -> float | None:
    """Return how long to wait after a notification that did not arrive; None when it was the last."""
    return _DELIVERY_DELAYS_S[attempt - 1] if attempt < MAX_DELIVERIES else None
