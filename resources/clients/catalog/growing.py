"""Statistics of tables that grow by thousands in a second, as a new collection's do.

PostgreSQL's own come a minute later. Until then it takes a collection that it has never counted for an empty one, and
any index that begins with the collection's name for as good as the one that finds a single row: work that grows with
the square of what is recorded.
"""

import logging

from sqlalchemy import text

from rag_core.errors import RagError
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Recorded

_log = logging.getLogger("rag.catalog")
_STEPS = frozenset(1000 * 4**step for step in range(12))


def count_anew_when_grown(database: Database, recorded: Recorded) -> None:
    """Make the planner's statistics anew when a collection has grown past the next power of four thousands."""
    if recorded.first_number is None or recorded.last_number is None:
        return
    first, last = recorded.first_number, recorded.last_number
    if any(first < step <= last + 1 for step in _STEPS):
        try:
            with database.transaction() as connection:
                connection.execute(text("ANALYZE observations, arrivals, messages"))
        except RagError as error:  # what was to be recorded is recorded
            _log.warning("statistics are left to PostgreSQL: %s", error.message)
