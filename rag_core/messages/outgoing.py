"""What is to be sent to Kafka, as a value: no client, no connection."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """What is to be sent to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
