"""Values of streams: messages to record, what of them was new, and messages that fit no form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rag_core.arrivals import Presence
from rag_core.descriptions import Description
from rag_core.identity import Json
from rag_core.messages.dead_letters import NewDeadLetter
from rag_core.messages.ordering import MessagePlace
from resources.clients.catalog.values.recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedMessage:
    """One message as a document's version: ``etag`` changes with its bytes and details; ``body`` is None where gone.

    ``details`` is a JSON object of title, url and metadata, as a sidecar would hold them; ``key`` and ``uri`` name the
    document. ``reading`` numbers the pass over its partition in which it was read. ``traceparent`` is the message's
    own, empty without one.
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
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedObject:
    """What one message says of an object of ``source``; ``presence`` is the message's word, not the store's."""

    source: str
    key: str
    topic: str
    place: MessagePlace
    presence: Presence
    said: Description
    reading: int = 0

    @property
    def version(self) -> str:
        """What changes when what is said does; empty where nothing is."""
        return self.said.version


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
class DeadLetterRow:
    """A dead letter in a list: without its value and headers; ``is_kept`` says whether the catalog has the value."""

    id: int
    collection: str
    source: str
    topic: str
    place: MessagePlace
    key: bytes | None
    value_bytes: int
    is_kept: bool
    kind: str
    reason: str
    remedy: str
    recorded_at: datetime
    replays: int
    replayed_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters are meant; what is empty means any. Settled ones only where they are asked for."""

    collection: str = ""
    source: str = ""
    topic: str = ""
    kind: str = ""
    with_settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    """Newest first; ``next_before`` asks for the next page, None at the end."""

    letters: list[DeadLetterRow]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedRange:
    """Offsets ``first`` to ``end`` (not in it) of a partition that were read again: what fits now is dead no more."""

    topic: str
    incarnation: int
    partition: int
    first: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPosition:
    """How far a stream is recorded: ``state`` as ``StreamState.to_json`` made it, and when it last moved."""

    collection: str
    source: str
    state: Mapping[str, Json]
    moved_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTrouble:
    """Why a stream is not read at present, since when, and when that was tried last."""

    reason: str
    since: datetime
    tried_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessages:
    """What recording did; ``superseded`` counts messages that are older than what is known of their key."""

    recorded: Recorded
    superseded: int
    hinted: int
    dead: int
