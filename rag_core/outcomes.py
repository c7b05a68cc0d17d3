"""What became of a document, as an event for others: CloudEvents 1.0, structured, one for each outcome.

The types are ``rag.document.indexed``, ``rag.document.failed`` and ``rag.document.deleted``. A document that was looked
at and is what the index holds already is no event. An event's id is computed from what it tells of: an event that is
sent again has its id again, and whoever reads may drop it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from rag_core.identity import Json
from rag_core.messages.outgoing import OutboxMessage

CONTENT_TYPE = b"application/cloudevents+json"
MAX_TITLE_CHARS = 1000


class OutcomeType(StrEnum):
    """What an event says of its document."""

    INDEXED = "rag.document.indexed"
    FAILED = "rag.document.failed"
    DELETED = "rag.document.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcing:
    """Who hears of a collection's documents: a topic of outcomes, and the dead-letter topics of some streams."""

    outcomes_topic: str | None
    dead_letter_streams: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """An outcome that is being written down; ``attempt`` tells it from another outcome of the same arrival.

    ``version`` is that of the bytes read; of a failed document, the announced one. ``older_version_answers``: the index
    goes on holding the last good version of a document that failed.
    """

    type: OutcomeType
    collection: str
    document_id: UUID
    uri: str
    arrival: int
    attempt: str
    run_id: str
    at: datetime
    version: str = ""
    title: str = ""
    chunks: int | None = None
    reason_kind: str = ""
    reason: str = ""
    remedy: str = ""
    older_version_answers: bool = False


def event_id(became: Became) -> UUID:
    """Return the id of an outcome's event: the same for the same outcome, whoever computes it."""
    source = uuid5(NAMESPACE_URL, _source(became.collection))
    return uuid5(source, f"{became.arrival}/{became.type}/{became.attempt}")


def outcome_event(topic: str, became: Became) -> OutboxMessage:
    """Return an outcome's event for a topic; its key is the document's URI, so that a document's events keep order."""
    data: dict[str, Json] = {
        "document_id": str(became.document_id),
        "uri": became.uri,
        "arrival": became.arrival,
        "run_id": became.run_id,
    }
    if became.type is not OutcomeType.DELETED:
        data["version"] = became.version
    if became.type is OutcomeType.INDEXED:
        data |= {"title": became.title[:MAX_TITLE_CHARS], "chunks": became.chunks}
    if became.type is OutcomeType.FAILED:
        data["reason"] = {"kind": became.reason_kind, "message": became.reason, "remedy": became.remedy}
        data["older_version_answers"] = became.older_version_answers
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": str(event_id(became)),
        "source": _source(became.collection),
        "type": became.type.value,
        "subject": became.uri,
        "time": became.at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return OutboxMessage(
        topic=topic,
        key=became.uri.encode(),
        value=json.dumps(event).encode(),
        headers=(("content-type", CONTENT_TYPE),),
    )


def _source(collection: str) -> str:
    return f"/collections/{collection}"
