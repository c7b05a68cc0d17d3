"""Documents as users see them: the newest arrival's state beside what the index holds."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from rag_core.arrivals import ArrivalState, Presence
from rag_core.errors import InvalidRequest
from resources.clients.catalog.values import DocumentRow, Reason

LAST_CHARACTER = "\U0010ffff"
"""Sorts behind every other character, bytewise: ends the range of a prefix."""


class page:  # noqa: N801 - a namespace of two functions that belong together
    """Reads and writes the ``after`` of a page: a place in the order, opaque to callers."""

    @staticmethod
    def read(after: str | None, *, by_state: bool) -> dict[str, Any]:
        """Return the query's parameters for the place behind ``after``; raises ``InvalidRequest``."""
        if not after:
            return {"number": -1} if by_state else {"uri_start": "", "document_id": UUID(int=0)}
        try:
            if by_state:
                return {"number": int(after)}
            return {"document_id": UUID(after[:36]), "uri_start": after[37:]}
        except ValueError as error:
            raise InvalidRequest("Unknown page.", remedy="Pass next_after of the page before, unchanged.") from error

    @staticmethod
    def write(row: Any, *, by_state: bool) -> str:
        """Return the place of the last row shown."""
        return str(row.number) if by_state else f"{row.document_id}:{row.uri[:500]}"


def document_row(row: Any) -> DocumentRow:
    """Return one row of any statement below as a value."""
    reason = Reason(kind=row.reason_kind, message=row.reason, remedy=row.remedy) if row.reason else None
    is_stale = row.state == ArrivalState.QUARANTINED and row.indexed_arrival is not None
    return DocumentRow(
        document_id=row.document_id,
        collection=row.collection,
        source=row.source,
        key=row.key,
        uri=row.uri,
        state=ArrivalState(row.state),
        presence=Presence(row.presence),
        newest_arrival=row.number,
        partition=row.partition,
        announced=row.announced,
        size_bytes=row.size_bytes,
        attempts=row.attempts,
        recorded_at=row.recorded_at,
        changed_at=row.changed_at,
        due_at=row.due_at,
        reason=reason,
        stale=reason if is_stale else None,
        indexed_arrival=row.indexed_arrival,
        indexed_version=row.version or "",
        indexed_run=row.indexed_run or "",
        confirmed_arrival=row.confirmed_arrival,
        confirmed_run=row.confirmed_run or "",
        indexed_at=row.indexed_at,
        title=row.title or "",
        media_type=row.media_type or "",
        parser=row.parser or "",
        code_version=row.code_version or "",
        chunks=row.chunks or 0,
    )


# What the active index holds; a second index that is being filled beside it answers nobody.
_COLUMNS = """
SELECT a.collection, a.number, a.partition, a.document_id, a.source, a.key, a.uri, a.presence, a.announced,
       a.size_bytes, a.state, a.attempts, a.recorded_at, a.changed_at, a.due_at, a.reason_kind, a.reason, a.remedy,
       x.indexed_arrival, x.indexed_run, x.indexed_at, x.confirmed_arrival, x.confirmed_run, x.version, x.title,
       x.media_type, x.parser, x.code_version, x.chunks
"""
_HELD = """
LEFT JOIN LATERAL (
    SELECT h.* FROM document_indexes h LEFT JOIN indexes i ON i.physical_name = h.index_name
    WHERE h.document_id = a.document_id ORDER BY i.is_active DESC NULLS LAST, h.index_name LIMIT 1) x ON true
"""
_IS_NEWEST = "NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number)"

PAGE = text(
    f"""
{_COLUMNS} FROM (
    SELECT DISTINCT ON (uri_start, document_id) collection, uri_start, document_id, number FROM observations
    WHERE collection || '' = :collection AND starts_with(uri, :prefix) AND uri_start >= :prefix_start
        AND uri_start <= :prefix_end
        AND (uri_start, document_id) > (:uri_start, CAST(:document_id AS uuid))
    ORDER BY uri_start, document_id, number DESC LIMIT :limit
) o
JOIN arrivals a ON a.collection = o.collection AND a.number = o.number
{_HELD}
ORDER BY o.uri_start, o.document_id
"""  # noqa: S608 - constants of this module
)

IN_STATE = text(
    f"""
{_COLUMNS} FROM arrivals a {_HELD}
WHERE a.collection = :collection AND a.state = :state AND a.number > :number AND starts_with(a.uri, :prefix)
    AND {_IS_NEWEST}
ORDER BY a.number LIMIT :limit
"""
)

DOCUMENT = text(
    f"""
{_COLUMNS} FROM unnest(CAST(:ids AS uuid[])) AS d (id)
JOIN LATERAL (SELECT n.* FROM arrivals n WHERE n.document_id = d.id ORDER BY n.number DESC LIMIT 1) a ON true
{_HELD}
"""  # noqa: S608 - constants of this module
)

IN_BLOCK = text(
    f"""
{_COLUMNS} FROM blocks b
JOIN document_indexes y ON y.collection = b.collection
    AND y.indexed_arrival >= b.first_number AND y.indexed_arrival < b.first_number + b.arrivals
JOIN indexes active ON active.physical_name = y.index_name AND active.is_active
JOIN LATERAL (SELECT n.* FROM arrivals n WHERE n.document_id = y.document_id ORDER BY n.number DESC LIMIT 1) a ON true
{_HELD}
WHERE b.collection = :collection AND b.partition = :partition
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.document_id = y.document_id)
ORDER BY y.indexed_arrival
"""  # noqa: S608 - constants of this module
)

FAILED_OVER = text(
    f"""
{_COLUMNS} FROM arrivals a {_HELD}
WHERE a.collection = :collection AND a.state = 'quarantined' AND {_IS_NEWEST} AND x.indexed_arrival IS NOT NULL
ORDER BY a.number DESC LIMIT :limit
"""
)
