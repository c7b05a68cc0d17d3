"""For how long messages are kept: whole months, and the sessions that have none left.

On plain PostgreSQL a month's messages are a table of their own; on TimescaleDB the messages are a hypertable, whose
policies compress and drop chunks. ``prepare`` sees that the next messages have a place, ``prune`` that old ones go;
any number of processes may call them at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from rag_core.sessions.months import Month
from resources.clients.catalog.chat import hypertable
from resources.clients.catalog.database import Database

AHEAD_MONTHS = 2
_LOCK = 7_264_915_033_002
_LOCK_TIMEOUT_S = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a pruning did; ``was_free`` is false where another process was at it."""

    was_free: bool = True
    months_made: tuple[str, ...] = ()
    months_dropped: tuple[str, ...] = ()
    sessions_deleted: int = 0
    policies: tuple[str, ...] = ()


class Keeping:
    """Makes months ahead and drops old ones; ``keep_days`` ``None`` keeps everything."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> tuple[str, ...]:
        """See that messages of this month and the next ones have a place; return the months that were made."""
        with self._database.transaction() as connection:
            connection.execute(_TAKE, {"lock": _LOCK})
            return _prepared(connection, _now(connection))

    def prune(self, *, warm_days: int | None, keep_days: int | None) -> Kept:
        """Make months ahead, drop what is older than ``keep_days``, and the sessions that have no message left.

        A session goes in the transaction that drops its last month. On TimescaleDB its own policies compress what is
        older than ``warm_days`` and drop what is older than ``keep_days``; here they are set, where they differ.
        """
        with self._database.transaction() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
            if not connection.execute(_TRY, {"lock": _LOCK}).scalar_one():
                return Kept(was_free=False)
            now = _now(connection)
            made = _prepared(connection, now)
            if hypertable.is_one(connection):
                changed = hypertable.set_policies(connection, warm_days=warm_days, keep_days=keep_days)
                deleted = 0 if keep_days is None else hypertable.delete_empty_sessions(connection, keep_days)
                return Kept(months_made=made, policies=changed, sessions_deleted=deleted)
            if keep_days is None:
                return Kept(months_made=made)
            oldest = Month.kept_at(now, keep_days)
            deleted = connection.execute(_DELETE_SESSIONS, {"before": oldest.begins}).rowcount
            dropped = [month for month in _months(connection) if month < oldest]
            for month in dropped:
                connection.execute(text(f"DROP TABLE {_table(month)}"))
        return Kept(months_made=made, months_dropped=tuple(map(str, dropped)), sessions_deleted=deleted)

    def to_hypertable(self) -> int:
        """Move the messages into a hypertable and return how many; asking waits meanwhile. Once is enough."""
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(_TAKE, {"lock": _LOCK})
            return hypertable.convert(connection)


def _prepared(connection: Connection, now: datetime) -> tuple[str, ...]:
    if hypertable.is_one(connection):
        return ()
    if hypertable.is_possible(connection) and not connection.execute(_ANY).scalar_one():
        hypertable.convert(connection)
        return ()
    there = set(_months(connection))
    wanted = [Month.of(now).later(by) for by in range(AHEAD_MONTHS + 1)]
    missing = [month for month in wanted if month not in there]
    for month in missing:
        _make(connection, month)
    return tuple(map(str, missing))


def hold_months(connection: Connection, months: Iterable[str]) -> None:
    """See that messages of these months (``2026_11``) have a place, within the caller's transaction."""
    if hypertable.is_one(connection) or (
        hypertable.is_possible(connection) and not connection.execute(_ANY).scalar_one()
    ):
        hypertable.convert(connection)
        return
    there = set(_months(connection))
    for month in sorted({Month.parsed(name) for name in months} - there):
        _make(connection, month)


def _make(connection: Connection, month: Month) -> None:
    """Attach a new month: made apart first, because making it in place would shut out who is reading."""
    table = _table(month)
    connection.execute(text(f"CREATE TABLE {table} (LIKE chat_messages INCLUDING ALL)"))
    connection.execute(
        text(
            f"ALTER TABLE chat_messages ATTACH PARTITION {table} "
            f"FOR VALUES FROM ('{month.begins.isoformat()}') TO ('{month.ends.isoformat()}')"
        )
    )


def _months(connection: Connection) -> list[Month]:
    names: list[str] = list(connection.execute(_PARTITIONS).scalars())
    return sorted(Month.parsed(name.removeprefix(_PREFIX)) for name in names)


def _table(month: Month) -> str:
    return f"{_PREFIX}{month}"


def _now(connection: Connection) -> datetime:
    now: Any = connection.execute(text("SELECT now()")).scalar_one()
    return now.astimezone(UTC)


_PREFIX = "chat_messages_"

_TAKE = text("SELECT pg_advisory_xact_lock(:lock)")

_TRY = text("SELECT pg_try_advisory_xact_lock(:lock)")

_ANY = text("SELECT EXISTS (SELECT FROM chat_messages)")

_PARTITIONS = text(r"""
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = CAST('chat_messages' AS regclass) AND c.relname ~ '^chat_messages_[0-9]{4}_[0-9]{2}$'
""")

# Their last message is at most as young as they are themselves; one that is being asked right now is locked or young.
_DELETE_SESSIONS = text("""
DELETE FROM chat_sessions WHERE session_id IN (
    SELECT session_id FROM chat_sessions WHERE active_at < :before AND (held_until IS NULL OR held_until < now())
    FOR UPDATE SKIP LOCKED)
""")
