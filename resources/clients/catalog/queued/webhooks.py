"""The outbox of notifications: each is sent until its receiver has acknowledged it, or too often."""

from uuid import uuid4

from sqlalchemy import text

from rag_core.queued_answers import AnswerState, TakenWebhook
from resources.clients.catalog.database import Database
from resources.clients.catalog.failures import storable

_MAX_ERROR_CHARACTERS = 500


class Webhooks:
    """What the workers ask of the catalog; one holds a notification at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, *, lease_s: float) -> TakenWebhook | None:
        """Give the right to send the notification that is due longest, for ``lease_s``; None when none is due.

        A sender that dies has spent no attempt: that says nothing of the receiver.
        """
        holder = uuid4()
        with self._database.transaction() as connection:
            row = connection.execute(_TAKE, {"holder": holder, "lease_s": lease_s}).one_or_none()
        if row is None:
            return None
        return TakenWebhook(
            webhook_id=row.webhook_id,
            holder=holder,
            answer_id=row.answer_id,
            url=row.webhook_url,
            state=AnswerState(row.state),
            collection=row.collection,
            attempt=row.attempt,
            finished_at=row.finished_at,
        )

    def due_in_s(self) -> float | None:
        """Return in how many seconds the next one is due, 0 for now; None when there is none."""
        with self._database.transaction() as connection:
            found = connection.execute(_DUE_IN).scalar_one()
        return None if found is None else max(0.0, float(found))

    def delivered(self, taken: TakenWebhook, *, status: int) -> None:
        """Say that the receiver has it."""
        asked = {"id": taken.answer_id, "holder": taken.holder, "status": status}
        with self._database.transaction() as connection:
            connection.execute(_DELIVERED, asked)

    def failed(self, taken: TakenWebhook, error: str, *, status: int | None, delay_s: float | None) -> None:
        """Say why it did not arrive; it is due again after ``delay_s``, or given up where that is None."""
        asked = {
            "id": taken.answer_id,
            "holder": taken.holder,
            "error": storable(error)[:_MAX_ERROR_CHARACTERS],
            "status": status,
            "state": "given_up" if delay_s is None else "waiting",
            "delay_s": delay_s or 0.0,
        }
        with self._database.transaction() as connection:
            connection.execute(_FAILED, asked)

    def give_back(self, taken: TakenWebhook) -> None:
        """Let it be sent by another worker, at once; it may have arrived all the same."""
        with self._database.transaction() as connection:
            connection.execute(_GIVE_BACK, {"id": taken.answer_id, "holder": taken.holder})


_TAKE = text("""
UPDATE answer_webhooks w SET held_by = :holder,
    due_at = now() + make_interval(secs => :lease_s)
FROM answers a
WHERE a.answer_id = w.answer_id AND w.answer_id = (
    SELECT answer_id FROM answer_webhooks WHERE state = 'waiting' AND due_at <= now()
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING w.webhook_id, w.answer_id, a.webhook_url, a.state, a.collection, w.attempts + 1 AS attempt, a.finished_at
""")

_DUE_IN = text("SELECT extract(epoch FROM min(due_at) - now()) FROM answer_webhooks WHERE state = 'waiting'")

_DELIVERED = text("""
UPDATE answer_webhooks SET state = 'delivered', held_by = NULL, attempts = attempts + 1,
    status = :status, error = '', delivered_at = now()
WHERE answer_id = :id AND held_by = :holder
""")

_FAILED = text("""
UPDATE answer_webhooks SET state = :state, held_by = NULL, attempts = attempts + 1, status = :status, error = :error,
    due_at = now() + make_interval(secs => :delay_s)
WHERE answer_id = :id AND held_by = :holder
""")

_GIVE_BACK = text("""
UPDATE answer_webhooks SET held_by = NULL, due_at = now()
WHERE answer_id = :id AND held_by = :holder
""")
