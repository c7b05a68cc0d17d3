"""Sources that stopped red: what a person is shown, and what the confirmation lets through."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.errors import InvalidRequest
from rag_core.identity import Json
from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.deletions import (
    accept_globs,
    record_all_gone,
    record_candidates_gone,
    record_topics_gone,
)
from resources.clients.catalog.forgetting import forget_stream, forget_topics
from resources.clients.catalog.values import PartitionLimits, Recorded, Stop, StopKind


class Stops:
    """The half of ``Sources`` that a person has to do with."""

    _database: Database

    def stop(self, collection: str, source: str, kind: StopKind, reason: str, detail: Mapping[str, Json]) -> Stop:
        """Stop a source red until a person confirms; an open stop stays as it was shown."""
        with self._database.transaction() as connection:
            return open_stop(connection, collection, source, kind, reason, detail)

    def stopped(self, collection: str, source: str | None = None) -> list[Stop]:
        """Return the open stops of a collection, or of one source."""
        with self._database.transaction() as connection:
            rows = connection.execute(_OPEN, {"collection": collection, "source": source}).all()
        return [stop_of(row) for row in rows]

    def confirm(self, stop_id: int, *, by: str, limits: PartitionLimits) -> Recorded:
        """Let exactly what was shown through: its deletion set, the removed source's objects, or the root.

        Raises ``InvalidRequest`` when no such stop is open.
        """
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            row = connection.execute(_CONFIRM, {"id": stop_id, "by": by}).one_or_none()
            if row is None:
                raise InvalidRequest(f"No stop {stop_id} waits for a person.", remedy="List them: rag sources.")
            return _let_through(connection, row, limits)

    def confirmed(self, collection: str, source: str, kind: StopKind) -> Stop | None:
        """Return the last confirmed stop of a kind: its ``detail`` (a root's identity, say) is accepted."""
        with self._database.transaction() as connection:
            row = connection.execute(
                _LAST_CONFIRMED, {"collection": collection, "source": source, "kind": kind.value}
            ).one_or_none()
        return None if row is None else stop_of(row)

    def declared(self, collection: str, sources: Mapping[str, str]) -> list[Stop]:
        """Remember the sources (name: fingerprint of its globs) of the collection file; return the open stops.

        A source taken out whose objects are known stops red; put back, its stop is lifted, it is swept at once, and
        what waited for it is due. Changed globs stop at the next conclusion that would delete anything.
        """
        names = list(sources)
        with self._database.transaction() as connection:
            # Bookmarks before what is declared: the same order of locks as at a sweep's end.
            back = connection.execute(_SWEEP_AT_ONCE, {"collection": collection, "names": names}).scalars().all()
            connection.execute(
                _DECLARE, {"collection": collection, "names": names, "globs": [sources[name] for name in names]}
            )
            connection.execute(_LIFT, {"collection": collection, "names": names})
            removed = connection.execute(_REMOVED, {"collection": collection, "names": names}).all()
            for row in removed:
                if row.present:
                    open_stop(
                        connection,
                        collection,
                        row.source,
                        StopKind.SOURCE_REMOVED,
                        f"The source {row.source!r} was taken out of the collection file; "
                        f"{row.present} objects of it are indexed.",
                        {"present_total": row.present},
                        sweep=(None, row.next_number),
                    )
            rows = connection.execute(_OPEN, {"collection": collection, "source": None}).all()
        if back:
            with self._database.transaction() as connection:
                connection.execute(_DUE_AT_ONCE, {"collection": collection, "names": list(back)})
                notify_due(connection, collection)
        return [stop_of(row) for row in rows]


def open_stop(
    connection: Connection,
    collection: str,
    source: str,
    kind: StopKind,
    reason: str,
    detail: Mapping[str, Json],
    *,
    sweep: tuple[UUID | None, int | None] = (None, None),
) -> Stop:
    """Insert the stop, or return the one that is open already: what a person was shown does not change."""
    connection.execute(
        _INSERT,
        {
            "collection": collection,
            "source": source,
            "kind": kind.value,
            "reason": reason,
            "detail": detail,
            "sweep_id": sweep[0],
            "first_number": sweep[1],
        },
    )
    return stop_of(connection.execute(_OPEN, {"collection": collection, "source": source}).one())


def _let_through(connection: Connection, row: Any, limits: PartitionLimits) -> Recorded:
    if row.kind in {StopKind.SOURCE_REMOVED, StopKind.CLUSTER_CHANGED}:
        gone = record_all_gone(connection, row.collection, row.source, row.first_number, limits)
        forget_stream(connection, row.collection, row.source)
        return gone
    if row.kind == StopKind.TOPIC_REMOVED:
        topics: list[str] = row.detail["topics"]
        gone = record_topics_gone(connection, row.collection, row.source, topics, row.first_number, limits)
        forget_topics(connection, row.collection, row.source, topics)
        return gone
    if row.sweep_id is None:
        return Recorded(new=0, same=0)
    if row.kind == StopKind.GLOBS_CHANGED:
        accept_globs(connection, row.collection, row.source)
    return record_candidates_gone(connection, row.collection, row.source, row.sweep_id, row.first_number, limits)


def stop_of(row: Any) -> Stop:
    """Return a row of ``stops`` as a value."""
    return Stop(
        id=row.id,
        collection=row.collection,
        source=row.source,
        kind=StopKind(row.kind),
        reason=row.reason,
        detail=row.detail,
        stopped_at=row.stopped_at,
    )


_OPEN = text("""
SELECT id, collection, source, kind, reason, detail, stopped_at FROM stops
WHERE collection = :collection AND confirmed_at IS NULL AND (CAST(:source AS text) IS NULL OR source = :source)
ORDER BY source
""")

_INSERT = text("""
INSERT INTO stops (collection, source, kind, reason, detail, sweep_id, first_number)
VALUES (:collection, :source, :kind, :reason, :detail, :sweep_id, :first_number)
ON CONFLICT (collection, source) WHERE confirmed_at IS NULL DO NOTHING
""").bindparams(bindparam("detail", type_=JSONB))

_CONFIRM = text("""
UPDATE stops SET confirmed_at = now(), confirmed_by = :by WHERE id = :id AND confirmed_at IS NULL
RETURNING collection, source, kind, detail, sweep_id, first_number
""")

_LAST_CONFIRMED = text("""
SELECT id, collection, source, kind, reason, detail, stopped_at FROM stops
WHERE collection = :collection AND source = :source AND kind = :kind AND confirmed_at IS NOT NULL
ORDER BY id DESC LIMIT 1
""")

_DECLARE = text("""
INSERT INTO sources (collection, source, declared_globs, accepted_globs)
SELECT :collection, name, globs, globs
FROM unnest(CAST(:names AS text[]), CAST(:globs AS text[])) AS declared (name, globs) ORDER BY name
ON CONFLICT (collection, source) DO UPDATE SET declared_globs = excluded.declared_globs, is_declared = true
WHERE sources.declared_globs <> excluded.declared_globs OR NOT sources.is_declared
""")

_SWEEP_AT_ONCE = text("""
UPDATE positions p SET value = p.value || '{"running": null, "last": null}', version = p.version + 1, moved_at = now()
FROM sources s
WHERE s.collection = :collection AND s.source = ANY(CAST(:names AS text[])) AND NOT s.is_declared
    AND p.collection = s.collection AND p.source = s.source AND p.value ? 'running' AND p.value ? 'last'
RETURNING p.source
""")

# Those whose own turn comes later stay: they failed by themselves. Locked rows are a run's, which looks again anyway.
_DUE_AT_ONCE = text("""
UPDATE arrivals a SET due_at = now(), stays = 0 FROM (
    SELECT number FROM arrivals
    WHERE collection = :collection AND source = ANY(CAST(:names AS text[])) AND due_at > now() AND state <> 'retrying'
    ORDER BY number FOR UPDATE SKIP LOCKED) waiting
WHERE a.collection = :collection AND a.number = waiting.number
""")

_LIFT = text("""
DELETE FROM stops WHERE collection = :collection AND source = ANY(CAST(:names AS text[]))
    AND kind = 'source-removed' AND confirmed_at IS NULL
""")

_REMOVED = text("""
UPDATE sources s SET is_declared = false
WHERE s.collection = :collection AND s.source <> ALL(CAST(:names AS text[])) AND (s.is_declared OR NOT EXISTS (
    SELECT 1 FROM stops t WHERE t.collection = s.collection AND t.source = s.source AND t.kind = 'source-removed'))
RETURNING s.source,
    (SELECT count(*) FROM observations o
     WHERE o.collection = s.collection AND o.source = s.source AND o.presence = 'present') AS present,
    (SELECT next_number FROM collections c WHERE c.collection = s.collection) AS next_number
""")
