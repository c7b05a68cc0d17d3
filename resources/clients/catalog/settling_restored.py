"""What was under way in a catalog when it was backed up has ended long ago: its work is due again.

The statements run in the transaction that loads the tables: nobody ever sees a restored catalog without them.
"""

from sqlalchemy import Connection, text

from resources.clients.catalog.dead_runs import RECONCILE


def settle_restored(connection: Connection) -> None:
    """Make due what was being worked on, end what was held, and let every source be looked at at once.

    1. Arrivals in processing are due, no attempt spent: their run is gone, and that is no fault of theirs.
    2. Open writes make their documents due for reconciliation.
    3. Claims are free, and counted from where no run has ever been: Dagster may remember the run keys of the time
       since, and asks for no run twice. Seconds since 1970 grow from one restore to the next.
    4. Sweeps begin anew, at once: a deletion or a narrowed right of the time since must not wait for its turn.
    5. Uploads and questions that were being received or answered are held by nobody.
    """
    connection.execute(_DUE)
    connection.execute(text("UPDATE intents SET orphaned_at = coalesce(orphaned_at, clock_timestamp())"))
    documents = connection.execute(text("SELECT DISTINCT document_id FROM intents")).scalars().all()
    if documents:
        connection.execute(RECONCILE, {"documents": sorted(documents)})
    began = int(connection.execute(text("SELECT extract(epoch FROM now())::bigint")).scalar_one())
    # Collections that are declared later, too: Dagster may know their runs from the time since the backup.
    connection.execute(text(f"ALTER TABLE collections ALTER COLUMN first_claim SET DEFAULT {began}"))
    for statement in (_CLAIMS, _FIRST_CLAIM, _SWEEPS, _POSITIONS, _REQUESTS, _ANSWERS, _WEBHOOKS, _SESSIONS):
        connection.execute(statement)


_DUE = text("""
UPDATE arrivals SET state = 'pending', due_at = now(), attempts = greatest(attempts - 1, 0), alone = false,
    before = NULL, due_reason = 'restored', changed_at = now()
WHERE state = 'processing'
""")

_CLAIMS = text("""
UPDATE claims SET state = 'released', run_id = '', lease_until = now(), lapsed_at = NULL,
    number = greatest(number, extract(epoch FROM now())::bigint)
""")

_FIRST_CLAIM = text("UPDATE collections SET first_claim = extract(epoch FROM now())::bigint")

_SWEEPS = text(
    "DELETE FROM sweeps s WHERE NOT EXISTS (SELECT FROM stops t WHERE t.collection = s.collection"
    " AND t.source = s.source AND t.confirmed_at IS NULL)"
)

_POSITIONS = text("""
UPDATE positions SET value = value || '{"running": null, "last": null}', version = version + 1
WHERE value ? 'running' AND value ? 'last'
""")

_REQUESTS = text("DELETE FROM upload_requests WHERE answer IS NULL")

_ANSWERS = text("UPDATE answers SET due_at = now(), held_by = NULL WHERE state = 'running'")

_WEBHOOKS = text("UPDATE answer_webhooks SET held_by = NULL WHERE state = 'waiting'")

_SESSIONS = text("UPDATE chat_sessions SET held_by = NULL, held_until = NULL WHERE held_by IS NOT NULL")
