"""The history of failures: a row for each, written with the change of state that it tells of."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

KEPT = 20
"""So many failures of a document are remembered, the newest."""

TRANSIENT = "transient"
"""The kind of a failure after which the document is tried again."""

_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvent:
    """An arrival that failed; ``kind`` is that of its quarantine, or ``TRANSIENT``."""

    document_id: UUID
    arrival: int
    run_id: str
    kind: str
    reason: str
    remedy: str


def storable(words: str) -> str:
    """Return words that a text column takes, of bounded length: reasons quote files and foreign libraries."""
    return words[:_LONGEST].replace("\0", " ").encode("utf-8", "replace").decode()


def remember_failures(connection: Connection, collection: str, events: Iterable[FailureEvent]) -> None:
    """Add failures to their documents' histories and forget the oldest beyond ``KEPT``.

    Called last in a transaction that holds the arrivals' locks.
    """
    ordered = sorted(events, key=lambda event: (event.document_id, event.arrival))
    if not ordered:
        return
    ids = sorted({event.document_id for event in ordered})
    connection.execute(
        _ADD,
        {
            "collection": collection,
            "documents": [event.document_id for event in ordered],
            "arrivals": [event.arrival for event in ordered],
            "runs": [event.run_id for event in ordered],
            "kinds": [event.kind for event in ordered],
            "reasons": [storable(event.reason) for event in ordered],
            "remedies": [storable(event.remedy) for event in ordered],
        },
    )
    connection.execute(FORGET_OLDEST, {"documents": ids, "kept": KEPT})


_ADD = text("""
INSERT INTO failures (collection, document_id, arrival, run_id, at, kind, reason, remedy)
SELECT :collection, event.document_id, event.arrival, event.run_id, clock_timestamp(), event.kind, event.reason,
       event.remedy
FROM unnest(CAST(:documents AS uuid[]), CAST(:arrivals AS bigint[]), CAST(:runs AS text[]), CAST(:kinds AS text[]),
            CAST(:reasons AS text[]), CAST(:remedies AS text[]))
    AS event (document_id, arrival, run_id, kind, reason, remedy)
""")

FORGET_OLDEST = text("""
DELETE FROM failures WHERE id = ANY(ARRAY(
    SELECT f.id FROM unnest(CAST(:documents AS uuid[])) AS d (id)
    JOIN LATERAL (SELECT old.id FROM failures old WHERE old.document_id = d.id ORDER BY old.id DESC OFFSET :kept) beyond
        ON true
    JOIN failures f ON f.id = beyond.id
    ORDER BY f.id FOR UPDATE OF f SKIP LOCKED))
""")
