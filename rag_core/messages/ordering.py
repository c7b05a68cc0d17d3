"""The order of messages about one document: which of two is the newer one, whatever order they are read in.

Within a partition the broker's order holds. A key is in two partitions only where the topic's partitions grew, and
then the records' timestamps decide; within each partition they must not run backwards for that to be an order. A topic
that was deleted and made again begins a new incarnation, and everything in it is newer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlace:
    """Where a message stands: ``incarnation`` counts how often its topic was made, from 1.

    ``timestamp_ms`` is the record's, no later than when it was received; -1 where it has none.
    """

    incarnation: int
    partition: int
    offset: int
    timestamp_ms: int

    @property
    def announced(self) -> str:
        """The version that this message announces; no two messages of a topic announce the same."""
        return f"{self.incarnation}/{self.partition}/{self.offset}"


def is_said_later(topic: str, this: MessagePlace, than_topic: str, than: MessagePlace) -> bool:
    """Say whether what a message says of an object is newer than what another does, which may be of another topic."""
    if topic == than_topic:
        return is_newer(this, than)
    return (this.timestamp_ms, topic) > (than.timestamp_ms, than_topic)


def is_newer(this: MessagePlace, than: MessagePlace) -> bool:
    """Say whether one message of a key is newer than another; a message is not newer than itself."""
    if this.incarnation != than.incarnation:
        return this.incarnation > than.incarnation
    if this.partition == than.partition:
        return this.offset > than.offset
    return (this.timestamp_ms, this.partition) > (than.timestamp_ms, than.partition)
