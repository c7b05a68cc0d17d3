"""Waiting for due work without polling: LISTEN first, then look, then wait, so that nothing falls between."""

import time
from collections.abc import Sequence

from resources.clients.catalog.database import Database
from resources.clients.catalog.due import Due


def wait_for_due(database: Database, due: Due, collections: Sequence[str], *, timeout_s: float) -> frozenset[str]:
    """Return the collections with work to request, waiting up to ``timeout_s`` for the first; may be empty."""
    end = time.monotonic() + timeout_s
    wanted = frozenset(collections)
    with database.session() as session:
        session.execute("LISTEN rag_due")
        look_at = wanted
        while True:
            found = frozenset(name for name in sorted(look_at) if due.has_work(name))
            left_s = end - time.monotonic()
            if found or left_s <= 0:
                return found
            heard = {notice.payload for notice in session.notifies(timeout=left_s, stop_after=1)}
            look_at = wanted & heard
