"""Telling others of outcomes: events and dead letters, put into the outbox by the transaction that writes the outcome.

A transaction that is rolled back has told nobody; one that is committed will, whatever happens to its process.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from rag_core.errors import QuarantineKind
from rag_core.messages.dead_letters import (
    DECODED,
    MAX_KEPT_BYTES,
    NewDeadLetter,
    announced_dead_letter,
    quarantine_id,
)
from rag_core.messages.keys import key_bytes
from rag_core.messages.outgoing import ID_HEADER, OutboxMessage
from rag_core.outcomes import Announcing, Became, OutcomeType, event_id, outcome_event
from resources.clients.catalog.dead_letters import place_of
from resources.clients.catalog.failures import storable
from resources.clients.catalog.outbox import put_into_outbox
from resources.clients.catalog.outcomes import Settled
from resources.clients.catalog.values import Claim

_TYPES = {
    "indexed": OutcomeType.INDEXED,
    "quarantined": OutcomeType.FAILED,
    "deleted": OutcomeType.DELETED,
}
"""State of a settled arrival → what is told of it; nothing of the others."""


def announce(connection: Connection, claim: Claim, announcing: Announcing, settled: Sequence[Settled]) -> None:
    """Put what is to be told of these outcomes into the outbox, in the transaction that has just written them."""
    told = {each.head.arrival: each for each in settled if _is_told(each)}
    if not told:
        return
    parameters = {"collection": claim.collection, "numbers": sorted(told)}
    rows = {row.number: row for row in connection.execute(_ARRIVALS, parameters)}
    became = {number: _became(claim, told[number], row) for number, row in sorted(rows.items())}
    messages: list[OutboxMessage] = []
    if announcing.outcomes_topic is not None:
        messages += [outcome_event(announcing.outcomes_topic, each) for each in became.values()]
    failed = [
        number
        for number, each in became.items()
        if each.type is OutcomeType.FAILED and rows[number].source in announcing.dead_letter_streams
    ]
    if failed:
        held = connection.execute(
            _HELD, {"collection": claim.collection, "numbers": failed, "max_bytes": MAX_KEPT_BYTES}
        )
        messages += [_dead_letter(became[row.number], row) for row in held]
    put_into_outbox(connection, claim.collection, messages)


def _is_told(settled: Settled) -> bool:
    """Say whether anybody is to hear of it: not of a failure that was known and only looked at again.

    A document that killed its run is quarantined by whoever finds that out; the reconciliation after it is the first
    to conclude what the index holds of it, and tells of it.
    """
    if settled.state not in _TYPES:
        return False
    rejected = settled.rejected
    return rejected is None or bool(settled.tried_spec) or rejected.kind is QuarantineKind.CRASHED


def _became(claim: Claim, settled: Settled, row: Any) -> Became:
    outcome, rejected = settled.outcome, settled.rejected
    was_tried = rejected is None or bool(settled.tried_spec)
    return Became(
        type=_TYPES[settled.state],
        collection=claim.collection,
        document_id=settled.head.document_id,
        uri=row.uri,
        arrival=settled.head.arrival,
        attempt=f"{claim.run_id}/{claim.number}" if was_tried else f"crash {row.crashes}",
        run_id=claim.run_id,
        at=row.at,
        version=row.announced if outcome is None else outcome.version,
        title="" if outcome is None else outcome.title,
        chunks=None if outcome is None else outcome.chunks,
        reason_kind="" if rejected is None else rejected.kind.value,
        reason="" if rejected is None else storable(rejected.message),
        remedy="" if rejected is None else storable(rejected.remedy),
        older_version_answers=rejected is not None and not settled.removed and settled.head.indexed_arrival is not None,
    )


def _dead_letter(became: Became, row: Any) -> OutboxMessage:
    """Return a quarantined document's message for the dead-letter topic: key and place, its bytes as decoded."""
    letter = NewDeadLetter(
        topic=row.topic,
        place=place_of(row),
        key=key_bytes(row.key.removeprefix(f"{row.topic}/")),
        value=None if row.body is None else bytes(row.body),
        value_bytes=row.size_bytes,
        headers=(("content-type", row.media_type.encode()),) if row.media_type else (),
        kind=became.reason_kind,
        reason=became.reason,
        remedy=became.remedy,
    )
    more = {
        ID_HEADER: quarantine_id(became.collection, became.document_id, letter),
        DECODED[0]: DECODED[1],
        "rag-document-uri": became.uri,
        "rag-document-id": str(became.document_id),
        "rag-arrival": str(became.arrival),
        "rag-event-id": str(event_id(became)),
    }
    return announced_dead_letter(became.collection, row.source, letter, more=more)


_ARRIVALS = text("""
SELECT number, uri, source, announced, crashes, clock_timestamp() AS at FROM arrivals
WHERE collection = :collection AND number = ANY(CAST(:numbers AS bigint[]))
""")

# Of the message that the arrival was made of: where a newer one is held, that one has an arrival of its own.
_HELD = text("""
SELECT a.number, m.source, m.key, m.topic, m.incarnation, m.partition, m.record_offset, m.timestamp_ms, m.media_type,
       m.size_bytes, CASE WHEN m.size_bytes <= :max_bytes THEN m.body END AS body
FROM arrivals a JOIN messages m ON m.collection = a.collection AND m.source = a.source AND m.key = a.key
WHERE a.collection = :collection AND a.number = ANY(CAST(:numbers AS bigint[])) AND m.presence = 'present'
    AND m.incarnation || '/' || m.partition || '/' || m.record_offset = split_part(a.announced, '@', 1)
ORDER BY a.number
""")
