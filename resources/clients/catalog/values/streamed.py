"""Values of streams: messages to record, what of them was new, and messages that fit no form."""

from dataclasses import dataclass
from datetime import datetime

from rag_core.arrivals import Presence
from rag_core.messages.ordering import MessagePlace
from resources.clients.catalog.values.recorded import Recorded

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedMessage:
    """One message as a document's version: ``etag`` changes with its bytes and details; ``body`` is None where gone.

    ``details`` is a JSON object of title, url and metadata, as a sidecar would hold them; ``key`` and ``uri`` name the
    document. ``reading`` numbers the pass over its partition in which it was read.
    """

    key: str
    uri: str
    topic: str
    place: MessagePlace
    presence: Presence
    etag: str
    body: bytes | None
    media_type: str
    details: str
    reading: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMessage:
    """The newest message of a key, its bytes left out."""

    topic: str
    place: MessagePlace
    etag: str
    media_type: str
    details: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """A message that fits no form; ``value`` is None where it is none, or too large to be kept (``value_bytes``)."""

    topic: str
    place: MessagePlace
    key: bytes | None
    value: bytes | None
    value_bytes: int
    headers: Headers
    kind: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter as the catalog holds it; ``settled_at`` once it was replayed with success, or discarded."""

    id: int
    collection: str
    source: str
    letter: NewDeadLetter
    recorded_at: datetime
    replays: int
    replayed_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """What is to be sent to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessages:
    """What recording did; ``superseded`` counts messages that are older than what is known of their key."""

    recorded: Recorded
    superseded: int
    hinted: int
    dead: int
