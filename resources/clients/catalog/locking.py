"""Locks of arrivals, taken in one order before a statement changes several: two runs never wait in a circle."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text


def lock_arrivals(connection: Connection, collection: str, numbers: Sequence[int]) -> dict[int, Any]:
    """Lock arrivals by number and return each one's ``state``, ``run_id``, ``claim`` and ``document_id``."""
    rows = connection.execute(LOCK_ARRIVALS, {"collection": collection, "numbers": sorted(numbers)})
    return {row.number: row for row in rows}


LOCK_ARRIVALS = text("""
SELECT number, state, run_id, claim, document_id FROM arrivals
WHERE collection = :collection AND number = ANY(CAST(:numbers AS bigint[]))
ORDER BY number FOR UPDATE
""")
