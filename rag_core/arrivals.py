"""Arrivals: what was observed of a document, and the states an observation passes through.

States of an arrival:

    pending ──> processing ──> indexed      its text is what the index holds
                          ├──> unchanged    read, and equal to what the index already holds
                          ├──> superseded   something newer is known; its text is never written
                          ├──> deleted      the document is gone, and so are its points
                          ├──> retrying     a transient fault; due again at ``retry_at``
                          └──> quarantined  a permanent fault, with kind, message and remedy
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ArrivalState(StrEnum):
    """Where an arrival stands; the only spelling of these words in code and SQL."""

    PENDING = "pending"
    PROCESSING = "processing"
    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    RETRYING = "retrying"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


class Presence(StrEnum):
    """Whether an observation says that the document is there or that it is gone."""

    PRESENT = "present"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at one object of a source, as announced; what is read later may be newer.

    ``announced`` is the version the source announced: for a store, the ETag, the modification time and the sidecar's
    ETag in one string; empty where it announced none. ``key`` is relative to the source's root; ``uri`` is canonical.
    ``traceparent`` names the span in whose course it was made (W3C trace context); empty without one.
    """

    key: str
    uri: str
    presence: Presence
    announced: str
    size_bytes: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A numbered observation, as the catalog holds it."""

    collection: str
    number: int
    partition: int
    document_id: UUID
    source: str
    key: str
    uri: str
    presence: Presence
    announced: str
    size_bytes: int
    state: ArrivalState
    attempts: int
    crashes: int
    recorded_at: datetime
    traceparent: str = ""
