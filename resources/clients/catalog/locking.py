"""Locks of arrivals, taken in one order before a statement changes several: two runs never wait in a circle."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text


def lock_arrivals(connection: Connection, collection: str, numbers: Sequence[int]) -> dict[int, Any]:
    """Lock arrivals by number and return each one as it is, and the time."""
    rows = connection.execute(LOCK_ARRIVALS, {"collection": collection, "numbers": sorted(numbers)})
    return {row.number: row for row in rows}


LOCK_ARRIVALS = text("""
SELECT number, state, run_id, claim, document_id, recorded_at, read_version, clock_timestamp() AS now FROM arrivals
WHERE collection = :collection AND number = ANY(CAST(:numbers AS bigint[]))
ORDER BY number FOR UPDATE
""")
