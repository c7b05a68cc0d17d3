"""The audit log: who asked, uploaded and changed what, appended in batches, read newest first, kept for a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from resources.clients.catalog.database import Database

_PRUNED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One request of a caller, or one change of a key; empty where something does not apply."""

    at: datetime
    request_id: str
    key_id: str
    key_name: str
    action: str
    collection: str
    subject: str
    status: int
    duration_ms: int


class AuditLog:
    """What the API writes and ``rag keys audit`` reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep entries, all or none of them."""
        if not entries:
            return
        with self._database.transaction() as connection:
            connection.execute(_APPEND, [_values(entry) for entry in entries])

    def page(
        self, *, key: str = "", since: datetime | None = None, before: int | None = None, limit: int = 100
    ) -> list[tuple[int, AuditEntry]]:
        """Return entries with their ids, newest first: of a key (id or name), not older than ``since``."""
        wanted = {"key": key, "since": since, "before": before, "limit": limit}
        with self._database.transaction() as connection:
            rows = connection.execute(_PAGE, wanted).all()
        return [(row.id, _entry(row)) for row in rows]

    def prune(self, *, days: int) -> int:
        """Forget entries older than so many days, a bounded number at a time; return how many were forgotten."""
        with self._database.transaction() as connection:
            return connection.execute(_PRUNE, {"days": days, "limit": _PRUNED_AT_ONCE}).rowcount


def _values(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in AuditEntry.__slots__}


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__slots__})


_APPEND = text("""
INSERT INTO audit (at, request_id, key_id, key_name, action, collection, subject, status, duration_ms)
VALUES (:at, :request_id, :key_id, :key_name, :action, :collection, :subject, :status, :duration_ms)
""")

_PAGE = text("""
SELECT id, at, request_id, key_id, key_name, action, collection, subject, status, duration_ms FROM audit
WHERE (:key = '' OR key_id = :key OR key_name = :key)
    AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
    AND (CAST(:before AS bigint) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
""")

_PRUNE = text("""
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at < now() - make_interval(days => :days) ORDER BY at LIMIT :limit
    FOR UPDATE SKIP LOCKED)
""")
