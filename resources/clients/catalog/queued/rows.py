"""Rows of the queue as the values that are shown."""

from typing import Any

from rag_core.queued_answers import AnswerShown, AnswerState, Failure, FailureKind, WebhookShown, WebhookState


def shown(row: Any) -> AnswerShown:
    """Return a question with what became of it."""
    return AnswerShown(
        answer_id=row.answer_id,
        state=AnswerState(row.state),
        collection=row.collection,
        question=row.question,
        attempts=row.attempts,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        next_at=row.next_at,
        seen_as=None if row.seen_as is None else tuple(row.seen_as),
        answer=row.answer,
        failure=_failure(row),
        webhook=_webhook(row),
    )


def _failure(row: Any) -> Failure | None:
    if not row.failure_kind:
        return None
    return Failure(kind=FailureKind(row.failure_kind), message=row.failure, remedy=row.remedy)


def _webhook(row: Any) -> WebhookShown | None:
    if row.webhook_url is None:
        return None
    state = WebhookState.WAITING if row.webhook_state is None else WebhookState(row.webhook_state)
    return WebhookShown(
        url=row.webhook_url,
        state=state,
        attempts=row.webhook_attempts or 0,
        status=row.webhook_status,
        error=row.webhook_error or "",
        next_at=row.webhook_next_at if state is WebhookState.WAITING else None,
        delivered_at=row.delivered_at,
    )
