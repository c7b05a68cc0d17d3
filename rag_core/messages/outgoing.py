"""What is to be sent to Kafka, as a value: no client, no connection."""

from dataclasses import dataclass

ID_HEADER = "rag-outbox-id"
"""Names a message of a collection's outbox, by its number there unless the message names itself: one that is sent
again has it again."""

LEFT_OUT_HEADER = "rag-value"
"""Stands in a message whose value was left out, and says where it is."""

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """What is to be sent to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
