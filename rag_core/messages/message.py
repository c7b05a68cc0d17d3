"""Messages of a topic as values: what came, what it means, and why one that means nothing is a dead letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rag_core.arrivals import Presence
from rag_core.errors import Permanent
from rag_core.identity import Json


class Form(StrEnum):
    """What the messages of a stream look like, as its collection file declares it."""

    AUTO = "auto"
    DOCUMENT = "document"
    REFERENCE = "reference"
    S3 = "s3"
    RECENTCHANGE = "recentchange"
    MAPPING = "mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record of a topic, as it was read; ``timestamp_ms`` is -1 where the record has none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineDocument:
    """A document that the message itself holds; ``id`` is written as ``key_text`` writes it.

    ``title``, ``url``, ``media_type`` and ``metadata`` hold neither NUL nor half of a surrogate pair; ``body`` is any
    bytes. ``media_type`` is None where the message leaves it to the bytes.
    """

    id: str
    body: bytes
    media_type: str | None
    title: str | None
    url: str | None
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The document of that id is gone: a null value, ``op: delete``, a page's deletion."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHint:
    """A reason to look at an object of a store; what counts is what the store then holds.

    ``uri`` is canonical, as sources write their objects' URIs. ``version`` is what the message said of the object:
    a version id or an ETag. ``describes``: ``media_type`` and ``metadata`` are all that is to be known of the object
    from messages, empty ones too; a store's notification says nothing of them.
    """

    uri: str
    presence: Presence
    version: str | None
    size_bytes: int | None
    media_type: str | None
    metadata: Mapping[str, Json]
    describes: bool = False


Decoded: TypeAlias = InlineDocument | Removal | ObjectHint


class RejectKind(StrEnum):
    """Why a message is a dead letter; stable words that users filter and alert on."""

    NOT_JSON = "not-json"
    NO_FORM = "no-form"
    BAD_FIELD = "bad-field"
    BAD_METADATA = "bad-metadata"
    BAD_URI = "bad-uri"
    NO_ID = "no-id"
    KEY_DISAGREES = "key-disagrees"
    KEY_TOO_LONG = "key-too-long"
    NO_SOURCE = "no-source"
    TOO_LARGE = "too-large"
    NOT_RECORDED = "not-recorded"


class MessageRejected(Permanent):
    """This message fits no form that its stream takes; it becomes a dead letter and the stream goes on."""

    def __init__(self, kind: RejectKind, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = kind
