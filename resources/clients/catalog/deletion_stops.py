"""Stops that a sweep's end opens, brings up to date and lifts: too much is missing, or other globs leave it out.

Every complete sweep judges anew what is missing now. While it is too much, the stop shows that and nothing older; once
it is not, because it came back, the stop is over by itself. What a person is asked is never changed behind their back:
where something is missing that was not shown before, the stop gets another number, and the old one confirms nothing.
"""

from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.identity import Json
from resources.clients.catalog.stops import open_stop, stop_of
from resources.clients.catalog.values import Judged, SafetyStop, Stop, StopKind

BACK = "what was missing is back"
_OF_SWEEPS = frozenset({StopKind.MASS_DELETION, StopKind.GLOBS_CHANGED})
_MAY_BE_MISSING = "may_be_missing"
"""So many objects may be missing before a person is asked, as of the day on which the source stopped."""

_SHOWN_KEYS = 20


def judge_deletions(
    connection: Connection, collection: str, source: str, sweep: Any, *, safety: SafetyStop, saw_all: bool
) -> Judged:
    """Count what a complete sweep would delete, and say whether a stop keeps it back or was lifted by it.

    1. Take the open stop, and its lock: a confirmation is either done before anything is counted, or finds no stop of
       that number any more.
    2. A stop of another kind stays as it is; so does any if a part of the source could not be looked at.
    3. It is judged by today's safety *and* by the number of objects of the day it stopped: a source that only grows
       lets nothing through.
    """
    names = {"collection": collection, "source": source}
    row = connection.execute(_LOCK_OPEN, names).one_or_none()
    known = None if row is None else stop_of(row)
    candidates = connection.execute(CANDIDATES, {**names, **_of_sweep(sweep)}).scalar_one()
    if known is not None and (known.kind not in _OF_SWEEPS or not saw_all):
        return Judged(candidates=candidates, stop=known)
    if known is None and not candidates:
        return Judged(candidates=0)
    other_globs = bool(connection.execute(GLOBS_NOT_ACCEPTED, names).scalar_one_or_none())
    if known is None and not other_globs and candidates < safety.min_objects:
        return Judged(candidates=candidates)  # whatever the source holds: nothing is counted for it
    present = connection.execute(PRESENT_TOTAL, names).scalar_one()
    unasked = _unasked(safety, present)
    if known is not None:
        unasked = min(unasked, int(str(known.detail.get(_MAY_BE_MISSING, 0))))
    if candidates <= (0 if other_globs else unasked):
        if known is None:
            return Judged(candidates=candidates)
        connection.execute(_LIFT, {"id": known.id, "by": BACK})
        return Judged(candidates=candidates, lifted=known)
    kind = StopKind.GLOBS_CHANGED if other_globs else StopKind.MASS_DELETION
    why = "its globs changed and no longer select them" if other_globs else "the last sweep did not find them"
    reason = f"{candidates} of {present} objects would be deleted: {why}."
    first_keys = connection.execute(_SAMPLE, {**names, **_of_sweep(sweep), "limit": _SHOWN_KEYS}).scalars()
    detail: dict[str, Json] = {
        "candidates": candidates,
        "present_total": present,
        _MAY_BE_MISSING: unasked,
        "first_keys": list(first_keys),
    }
    shown = (kind, reason, detail)
    if known is None:
        numbers = (sweep.sweep_id, sweep.first_number)
        return Judged(candidates=candidates, stop=open_stop(connection, collection, source, *shown, sweep=numbers))
    return Judged(candidates=candidates, stop=_shown_anew(connection, known, row, sweep, shown))


def _unasked(safety: SafetyStop, present: int) -> int:
    """Return how many of so many objects may be missing without asking a person."""
    return max(safety.min_objects - 1, int(present * safety.share))


def _shown_anew(
    connection: Connection, known: Stop, row: Any, sweep: Any, shown: tuple[StopKind, str, dict[str, Json]]
) -> Stop:
    """Let a stop show what is missing now; under another number if that is more than a person was shown."""
    kind, reason, detail = shown
    values = {**_of_sweep(sweep), "id": known.id, "kind": kind.value, "reason": reason, "detail": detail}
    names = {"collection": known.collection, "source": known.source}
    is_more = kind is not known.kind or bool(
        connection.execute(_NOT_SHOWN, {**names, **_of_sweep(sweep), "shown_sweep": row.sweep_id}).scalar_one()
    )
    if is_more:
        connection.execute(_REPLACE, {"id": known.id})
        return stop_of(connection.execute(_INSERT, {**names, **values, "stopped_at": known.stopped_at}).one())
    return stop_of(connection.execute(_REFRESH, values).one())


def _of_sweep(sweep: Any) -> dict[str, Any]:
    return {"sweep_id": sweep.sweep_id, "first_number": sweep.first_number}


_LOCK_OPEN = text("""
SELECT id, collection, source, kind, reason, detail, stopped_at, sweep_id FROM stops
WHERE collection = :collection AND source = :source AND confirmed_at IS NULL FOR UPDATE
""")

CANDIDATES = text("""
SELECT count(*) FROM sweep_missing m
JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
WHERE m.collection = :collection AND m.source = :source AND m.sweep_id = :sweep_id
    AND o.presence = 'present' AND o.number < :first_number
""")

_SAMPLE = text("""
SELECT m.key FROM sweep_missing m
JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
WHERE m.collection = :collection AND m.source = :source AND m.sweep_id = :sweep_id
    AND o.presence = 'present' AND o.number < :first_number
ORDER BY m.key LIMIT :limit
""")

_NOT_SHOWN = text("""
SELECT EXISTS (
    SELECT 1 FROM sweep_missing m
    JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
    WHERE m.collection = :collection AND m.source = :source AND m.sweep_id = :sweep_id
        AND o.presence = 'present' AND o.number < :first_number AND NOT EXISTS (
            SELECT 1 FROM sweep_missing s WHERE s.collection = m.collection AND s.source = m.source
                AND s.sweep_id = :shown_sweep AND s.key = m.key))
""")

PRESENT_TOTAL = text("""
SELECT count(*) FROM observations WHERE collection = :collection AND source = :source AND presence = 'present'
""")

GLOBS_NOT_ACCEPTED = text("""
SELECT accepted_globs <> declared_globs FROM sources WHERE collection = :collection AND source = :source
""")

_LIFT = text("UPDATE stops SET confirmed_at = now(), confirmed_by = :by WHERE id = :id")

_REPLACE = text("DELETE FROM stops WHERE id = :id")

_INSERT = text("""
INSERT INTO stops (collection, source, kind, reason, detail, sweep_id, first_number, stopped_at)
VALUES (:collection, :source, :kind, :reason, :detail, :sweep_id, :first_number, :stopped_at)
RETURNING id, collection, source, kind, reason, detail, stopped_at
""").bindparams(bindparam("detail", type_=JSONB))

_REFRESH = text("""
UPDATE stops SET reason = :reason, detail = :detail, sweep_id = :sweep_id, first_number = :first_number
WHERE id = :id
RETURNING id, collection, source, kind, reason, detail, stopped_at
""").bindparams(bindparam("detail", type_=JSONB))
