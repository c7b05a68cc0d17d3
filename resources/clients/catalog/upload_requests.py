"""Requests by ``Idempotency-Key``: the same request gets the same answer, for a bounded time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.errors import RagError
from rag_core.identity import Json
from resources.clients.catalog.database import Database

KEPT_S = 24 * 3600.0
HELD_S = 120.0
_PRUNED_AT_ONCE = 1000


class RequestHeld(RagError):
    """Another request with this key is being received now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a request was (its fingerprint) and how it was answered."""

    request: str
    answer: Mapping[str, Json]


class UploadRequests:
    """The answers of the last day; a holder that dies gives its key back after ``HELD_S``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, uploader: str, key: str, holder: UUID) -> Answered | None:
        """Take a key for a request that begins, or return the answer given under it; forgets what has expired.

        Raises ``RequestHeld`` while another request holds it.
        """
        names = {"uploader": uploader, "key": key}
        with self._database.transaction() as connection:
            connection.execute(_PRUNE, {"limit": _PRUNED_AT_ONCE})
            taken = connection.execute(_HOLD, {**names, "holder": holder, "held_s": HELD_S}).rowcount
            if taken:
                return None
            row = connection.execute(_LOOK, names).one_or_none()
        if row is None or row.answer is None:
            raise RequestHeld(
                "A request with this Idempotency-Key is being received now.",
                remedy="Wait for its answer, or send another key.",
            )
        return Answered(request=row.request, answer=row.answer)

    def renew(self, uploader: str, key: str, holder: UUID) -> None:
        """Hold the key for longer."""
        with self._database.transaction() as connection:
            connection.execute(_RENEW, {"uploader": uploader, "key": key, "holder": holder, "held_s": HELD_S})

    def answer(self, uploader: str, key: str, holder: UUID, answered: Answered) -> None:
        """Keep the answer for a day; a holder that lost its key keeps nothing."""
        with self._database.transaction() as connection:
            connection.execute(
                _ANSWER,
                {
                    "uploader": uploader,
                    "key": key,
                    "holder": holder,
                    "request": answered.request,
                    "answer": json.loads(json.dumps(answered.answer)),
                    "kept_s": KEPT_S,
                },
            )

    def release(self, uploader: str, key: str, holder: UUID) -> None:
        """Give a key back that got no answer, so that the request can be sent again."""
        with self._database.transaction() as connection:
            connection.execute(_RELEASE, {"uploader": uploader, "key": key, "holder": holder})


_PRUNE = text("""
DELETE FROM upload_requests WHERE (uploader, idempotency_key) IN (
    SELECT uploader, idempotency_key FROM upload_requests WHERE expires_at < now()
    ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")

_HOLD = text("""
INSERT INTO upload_requests AS r (uploader, idempotency_key, holder, expires_at)
VALUES (:uploader, :key, :holder, now() + make_interval(secs => :held_s))
ON CONFLICT (uploader, idempotency_key) DO UPDATE
SET request = '', answer = NULL, holder = excluded.holder, expires_at = excluded.expires_at
WHERE r.expires_at < now()
""")

_LOOK = text("""
SELECT request, answer FROM upload_requests WHERE uploader = :uploader AND idempotency_key = :key
""")

_MINE = "WHERE uploader = :uploader AND idempotency_key = :key AND holder = :holder AND answer IS NULL"

_RENEW = text(f"UPDATE upload_requests SET expires_at = now() + make_interval(secs => :held_s) {_MINE}")  # noqa: S608

_ANSWER = text(
    f"""
UPDATE upload_requests SET request = :request, answer = :answer, expires_at = now() + make_interval(secs => :kept_s)
{_MINE}
"""  # noqa: S608 - a constant of this module
).bindparams(bindparam("answer", type_=JSONB(none_as_null=True)))

_RELEASE = text(f"DELETE FROM upload_requests {_MINE}")  # noqa: S608 - a constant of this module
