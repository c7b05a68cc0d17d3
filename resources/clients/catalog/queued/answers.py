"""The queue of questions: a question's own row is its place, so that question and answer cannot disagree.

1. ``add`` inserts the row; its commit wakes a worker. A full queue is counted under a lock: no two take the last place.
2. ``take`` gives the right to answer to one worker, for as long as it renews it. Nobody waits for a locked row.
3. Whoever dies stops renewing, and the question is due again; after ``MAX_ATTEMPTS`` it fails and says so.
4. ``finish`` and ``fail`` compare the holder: of several that believed to have the right one stores, the others learn
   that they lost it. The notification is written by the same transaction: an answer without one cannot be stored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from rag_core.queued_answers import (
    MAX_ATTEMPTS,
    AnswersFull,
    AnswerShown,
    AnswerState,
    Failure,
    FailureKind,
    NewAnswer,
    OtherRequest,
    QueueFigures,
    TakenAnswer,
)
from resources.clients.catalog.database import Database
from resources.clients.catalog.failures import storable
from resources.clients.catalog.queued.rows import shown
from resources.clients.catalog.queued.waking import notify_answers

_PRUNED_AT_ONCE = 1000
_EXHAUSTED = Failure(
    kind=FailureKind.ATTEMPTS_EXHAUSTED,
    message=f"Each of {MAX_ATTEMPTS} workers that began with this question ended before it had an answer.",
    remedy="'rag logs answers' says what ended them; then ask again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a question stands; ``is_new`` is false where its ``Idempotency-Key`` was known."""

    answer_id: UUID
    state: AnswerState
    is_new: bool


class Answers:
    """What the API and the workers ask of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewAnswer, *, max_waiting: int) -> Placed:
        """Queue a question, or find the one that came with its key; raises ``AnswersFull``, ``OtherRequest``."""
        with self._database.transaction() as connection:
            connection.execute(_LOCK)
            if new.idempotency_key is not None:
                asked = {"owner": new.owner, "key": new.idempotency_key}
                known = connection.execute(_BY_KEY, asked).one_or_none()
                if known is not None:
                    if bytes(known.request_sha256) != new.request_sha256:
                        raise OtherRequest
                    return Placed(answer_id=known.answer_id, state=AnswerState(known.state), is_new=False)
            waiting = connection.execute(_WAITING).scalar_one()
            if waiting >= max_waiting:
                raise AnswersFull(waiting)
            connection.execute(_INSERT, _values(new))
            notify_answers(connection)
        return Placed(answer_id=new.answer_id, state=AnswerState.QUEUED, is_new=True)

    def find(self, owner: str, answer_id: UUID) -> AnswerShown | None:
        """Return a caller's question with what became of it; None for one that is not there or is another's."""
        with self._database.transaction() as connection:
            row = connection.execute(_FIND, {"id": answer_id, "owner": owner}).one_or_none()
        return None if row is None else shown(row)

    def forget(self, owner: str, answer_id: UUID) -> bool:
        """Delete a caller's question, whatever state it is in, with its answer; say whether there was one."""
        with self._database.transaction() as connection:
            return bool(connection.execute(_FORGET, {"id": answer_id, "owner": owner}).rowcount)

    def take(self, *, lease_s: float) -> TakenAnswer | None:
        """Give the right to answer the question that is due longest; None when none is due."""
        holder = uuid4()
        while True:
            with self._database.transaction() as connection:
                due = connection.execute(_DUE).one_or_none()
                if due is None:
                    return None
                if due.attempts >= MAX_ATTEMPTS:  # its last worker died as well
                    _end(connection, _FAIL_DUE, {"id": due.answer_id, **_said(_EXHAUSTED)})
                    continue
                asked = {"id": due.answer_id, "holder": holder, "lease_s": lease_s}
                row = connection.execute(_TAKE, asked).one()
            return TakenAnswer(
                answer_id=row.answer_id,
                holder=holder,
                owner=row.owner,
                collection=row.collection,
                request=row.request,
                attempt=row.attempts,
                request_id=row.request_id,
                trace_parent=row.trace_parent,
            )

    def renew(self, holders: Sequence[UUID], *, lease_s: float) -> frozenset[UUID]:
        """Keep the rights of these holders for longer; return those that still have one."""
        asked = {"holders": list(holders), "lease_s": lease_s}
        with self._database.transaction() as connection:
            return frozenset(connection.execute(_RENEW, asked).scalars())

    def finish(self, taken: TakenAnswer, answer: Mapping[str, Any], *, seen_as: Sequence[str] | None) -> bool:
        """Store the answer; false, and nothing is stored, where the right to do so was lost."""
        stored = {"answer": json.dumps(answer), "seen_as": None if seen_as is None else list(seen_as)}
        with self._database.transaction() as connection:
            return _end(connection, _FINISH, {"id": taken.answer_id, "holder": taken.holder, **stored})

    def fail(self, taken: TakenAnswer, failure: Failure) -> bool:
        """Store why there is no answer; false where the right to do so was lost."""
        with self._database.transaction() as connection:
            return _end(connection, _FAIL, {"id": taken.answer_id, "holder": taken.holder, **_said(failure)})

    def give_back(self, taken: TakenAnswer, *, delay_s: float, spends_attempt: bool) -> bool:
        """Let the question be taken again after ``delay_s``; false where the right to do so was lost."""
        asked = {
            "id": taken.answer_id,
            "holder": taken.holder,
            "delay_s": delay_s,
            "returned": 0 if spends_attempt else 1,
        }
        with self._database.transaction() as connection:
            changed = connection.execute(_GIVE_BACK, asked).rowcount
            notify_answers(connection)
        return bool(changed)

    def due_in_s(self) -> float | None:
        """Return in how many seconds the next question is due, 0 for now; None when there is none."""
        with self._database.transaction() as connection:
            found = connection.execute(_DUE_IN).scalar_one()
        return None if found is None else max(0.0, float(found))

    def figures(self) -> QueueFigures:
        """Return how much there is to do."""
        with self._database.transaction() as connection:
            row = connection.execute(_FIGURES).one()
        return QueueFigures(
            waiting=row.waiting, running=row.running, oldest_s=float(row.oldest_s), webhooks_waiting=row.webhooks
        )

    def prune(self, *, keep_days: int) -> int:
        """Forget questions older than so many days, a bounded number; return how many. Those that run are left."""
        with self._database.transaction() as connection:
            return connection.execute(_PRUNE, {"days": keep_days, "limit": _PRUNED_AT_ONCE}).rowcount


def _end(connection: Connection, statement: Any, values: Mapping[str, Any]) -> bool:
    """End a question and write its notification; false where the statement found it in other hands."""
    ended = connection.execute(statement, values).one_or_none()
    if ended is None:
        return False
    if ended.webhook_url is not None:
        connection.execute(_NOTIFY_LATER, {"id": values["id"], "webhook_id": uuid4()})
        notify_answers(connection)
    return True


def _said(failure: Failure) -> dict[str, str]:
    return {
        "kind": failure.kind.value,
        "message": storable(failure.message),
        "remedy": storable(failure.remedy),
    }


def _values(new: NewAnswer) -> dict[str, Any]:
    return {
        "id": new.answer_id,
        "owner": new.owner,
        "collection": new.collection,
        "request": json.dumps(new.request),
        "request_sha256": new.request_sha256,
        "key": new.idempotency_key,
        "webhook_url": new.webhook_url,
        "request_id": new.request_id,
        "trace_parent": new.trace_parent,
    }


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('answers', 7264915033))")

_BY_KEY = text("SELECT answer_id, state, request_sha256 FROM answers WHERE owner = :owner AND idempotency_key = :key")

_WAITING = text("SELECT count(*) FROM answers WHERE state = 'queued'")

_INSERT = text("""
INSERT INTO answers (answer_id, owner, collection, state, request, request_sha256, idempotency_key, webhook_url,
                     request_id, trace_parent)
VALUES (:id, :owner, :collection, 'queued', CAST(:request AS json), :request_sha256, :key, :webhook_url, :request_id,
        :trace_parent)
""")

_FIND = text("""
SELECT a.answer_id, a.state, a.collection, a.request ->> 'question' AS question, a.attempts, a.created_at,
       a.started_at, a.finished_at, CASE WHEN a.state = 'queued' THEN a.due_at END AS next_at, a.seen_as, a.answer,
       a.failure_kind, a.failure, a.remedy, a.webhook_url, w.state AS webhook_state, w.attempts AS webhook_attempts,
       w.status AS webhook_status, w.error AS webhook_error, w.due_at AS webhook_next_at, w.delivered_at
FROM answers a LEFT JOIN answer_webhooks w ON w.answer_id = a.answer_id
WHERE a.answer_id = :id AND a.owner = :owner
""")

_FORGET = text("DELETE FROM answers WHERE answer_id = :id AND owner = :owner")

_DUE = text("""
SELECT answer_id, attempts FROM answers WHERE state IN ('queued', 'running') AND due_at <= now()
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")

_TAKE = text("""
UPDATE answers SET state = 'running', attempts = attempts + 1, held_by = :holder,
    due_at = now() + make_interval(secs => :lease_s), started_at = coalesce(started_at, now())
WHERE answer_id = :id RETURNING answer_id, owner, collection, request, attempts, request_id, trace_parent
""")

_RENEW = text("""
UPDATE answers SET due_at = now() + make_interval(secs => :lease_s)
WHERE state = 'running' AND held_by = ANY(CAST(:holders AS uuid[])) RETURNING held_by
""")

_FINISH = text("""
UPDATE answers SET state = 'done', held_by = NULL, finished_at = now(), answer = CAST(:answer AS json),
    seen_as = CAST(:seen_as AS text[])
WHERE answer_id = :id AND state = 'running' AND held_by = :holder RETURNING webhook_url
""")

_FAILED = """
UPDATE answers SET state = 'failed', held_by = NULL, finished_at = now(), failure_kind = :kind, failure = :message,
    remedy = :remedy
WHERE answer_id = :id AND state = 'running'
"""

_FAIL = text(f"{_FAILED} AND held_by = :holder RETURNING webhook_url")

_FAIL_DUE = text(f"{_FAILED} RETURNING webhook_url")

_GIVE_BACK = text("""
UPDATE answers SET state = 'queued', held_by = NULL, due_at = now() + make_interval(secs => :delay_s),
    attempts = attempts - :returned
WHERE answer_id = :id AND state = 'running' AND held_by = :holder
""")

_NOTIFY_LATER = text("""
INSERT INTO answer_webhooks (answer_id, webhook_id, state) VALUES (:id, :webhook_id, 'waiting')
""")

_DUE_IN = text("SELECT extract(epoch FROM min(due_at) - now()) FROM answers WHERE state IN ('queued', 'running')")

_FIGURES = text("""
SELECT count(*) FILTER (WHERE state = 'queued') AS waiting, count(*) FILTER (WHERE state = 'running') AS running,
       coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'queued')), 0) AS oldest_s,
       (SELECT count(*) FROM answer_webhooks WHERE state = 'waiting') AS webhooks
FROM answers WHERE state IN ('queued', 'running')
""")

_PRUNE = text("""
DELETE FROM answers WHERE answer_id IN (
    SELECT answer_id FROM answers
    WHERE created_at < now() - make_interval(days => :days) AND state <> 'running'
        AND coalesce(finished_at, created_at) < now() - make_interval(days => :days)
    ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
