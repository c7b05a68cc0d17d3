"""Reading topics at positions that the catalog keeps: no group is joined, nothing is skipped by itself.

The group's offsets are committed afterwards, for tools that show a lag; nobody reads them here. Only committed
transactions are read. One reader belongs to one thread at a time.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rag_core.errors import DependencyUnavailable
from rag_core.kafka import Kafka
from rag_core.messages.message import Message
from resources.clients.kafka.connecting import REQUEST_S, connection, translating, without_creating_topics

_FETCH_BYTES = 16 * 1024 * 1024
_PARTITION_BYTES = 4 * 1024 * 1024
_SETTINGS = _POLICY, _RETENTION = "cleanup.policy", "delete.retention.ms"
_DEFAULT_RETENTION_MS = 86_400_000
_POSITION_MS = int(REQUEST_S * 1000)

Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicNow:
    """A topic as its brokers describe it; ``offsets`` are the first and the next one of each partition.

    ``is_compacted``: a key's newest message is kept for ever, its tombstone for ``tombstones_kept_ms``.
    """

    topic_id: str
    is_compacted: bool
    tombstones_kept_ms: int
    offsets: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """Messages in the order in which they were read, and the offsets to go on at."""

    messages: Sequence[Message]
    next_offsets: Mapping[Place, int]


class OffsetGone(DependencyUnavailable):
    """A position lies outside of what its partition holds, or ``truncated`` ones lost what was read: look again."""

    def __init__(self, message: str, *, dependency: str, truncated: frozenset[Place] = frozenset()) -> None:
        super().__init__(message, dependency=dependency)
        self.truncated = truncated


class KafkaReader:
    """Reads topics of one cluster; connects at first use and stays connected. Without a group nothing is committed."""

    def __init__(
        self, kafka: Kafka, *, group: str | None, max_message_bytes: int, environ: Mapping[str, str] | None = None
    ) -> None:
        self._connection = connection(kafka, environ)
        self._group = group
        self._partition_bytes = max(_PARTITION_BYTES, max_message_bytes)
        self._consumer: Any = None
        self._admin: Any = None
        self._at: dict[Place, int] = {}

    def describe(self, topics: Sequence[str]) -> dict[str, TopicNow]:
        """Return the topics that are there; raises ``DependencyUnavailable``."""
        from kafka.admin import ConfigResource, ConfigResourceType

        with translating("describe topics", self._connection):
            admin = self._opened_admin()
            found = [each for each in admin.describe_topics(list(topics)) if not each["error_code"]]
            wanted: Any = dict.fromkeys(_SETTINGS)
            settings = _settings(
                admin.describe_configs(
                    [ConfigResource(ConfigResourceType.TOPIC, each["name"], wanted) for each in found],
                    config_filter="all",
                )
                if found
                else {}
            )
            places = [_place(each["name"], part["partition_index"]) for each in found for part in each["partitions"]]
            consumer = self._opened()
            limit_ms = int(REQUEST_S * 1000)
            try:
                first: dict[Any, int] = consumer.beginning_offsets(places, timeout_ms=limit_ms) if places else {}
                following: dict[Any, int] = consumer.end_offsets(places, timeout_ms=limit_ms) if places else {}
            except KeyError as error:
                raise DependencyUnavailable(
                    f"Partition {error} has no leader now.", dependency="kafka", remedy="Bring its brokers back."
                ) from error
        return {each["name"]: _topic_now(each, settings.get(each["name"], {}), first, following) for each in found}

    def go_to(self, positions: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets on, and no others; what was fetched for there already is kept."""
        with translating("assign partitions", self._connection):
            consumer = self._opened()
            if self._at.keys() != positions.keys():
                consumer.assign([_place(*place) for place in positions])
                self._at = {}
            for place, offset in positions.items():
                if self._at.get(place) != offset:
                    consumer.seek(_place(*place), offset)
            self._at = dict(positions)

    def offset_at(self, topic: str, partition: int, timestamp_ms: int) -> int | None:
        """Return the first offset whose record is not older than a time; None where all are older."""
        with translating("look up a time", self._connection):
            found = self._opened().offsets_for_times(
                {_place(topic, partition): timestamp_ms}, timeout_ms=int(REQUEST_S * 1000)
            )
        at = found.get(_place(topic, partition))
        return None if at is None else at.offset

    def poll(self, *, timeout_s: float, max_records: int) -> Polled:
        """Return what has come, waiting up to ``timeout_s`` for the first message.

        Raises ``OffsetGone`` where a position is outside of its partition, ``DependencyUnavailable``.
        """
        try:
            return self._polled(timeout_s, max_records)
        except BaseException:
            self._at = {}  # the consumer may have gone on without us: the next reading seeks
            raise

    def _polled(self, timeout_s: float, max_records: int) -> Polled:
        from kafka import errors as kafka_errors

        errors: Any = kafka_errors  # pyright's stubs are of an older kafka-python
        consumer = self._opened()
        with translating("read", self._connection):
            try:
                found = consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records)
                # Of all partitions: transactions' markers and what compaction took have offsets, but no messages.
                at = {place: consumer.position(_place(*place), timeout_ms=_POSITION_MS) for place in self._at}
            except errors.OffsetOutOfRangeError as error:
                raise OffsetGone(f"A position is gone: {error}", dependency="kafka") from error
            except errors.LogTruncationError as error:
                lost = frozenset((place.topic, place.partition) for place in error.divergent_offsets)
                raise OffsetGone(f"Messages are gone: {error}", dependency="kafka", truncated=lost) from error
            except UnicodeDecodeError as error:
                raise DependencyUnavailable(
                    f"A message has a header whose name is no UTF-8, which cannot be read: {error}.",
                    dependency="kafka",
                    remedy="Let its producer write headers in UTF-8; delete the records up to it to go on.",
                ) from error
        moved = {place: offset for place, offset in at.items() if offset is not None and offset != self._at[place]}
        self._at |= moved
        return Polled(
            messages=[_message(record) for records in found.values() for record in records], next_offsets=moved
        )

    def commit(self, offsets: Mapping[Place, int], *, timeout_s: float = 5) -> None:
        """Tell the group's coordinator how far the catalog is. ``DependencyUnavailable`` harms nothing."""
        from kafka.structs import OffsetAndMetadata

        with translating("commit offsets", self._connection):
            self._opened().commit(
                {_place(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()},
                timeout_ms=int(timeout_s * 1000),
            )

    def close(self) -> None:
        """Close the connections."""
        consumer, admin, self._consumer, self._admin = self._consumer, self._admin, None, None
        self._at = {}
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=2000)
        if admin is not None:
            admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> Any:
        if self._consumer is None:
            from kafka import KafkaConsumer

            with translating("connect", self._connection):
                consumer = KafkaConsumer(
                    **self._connection,
                    group_id=self._group,
                    enable_auto_commit=False,
                    auto_offset_reset="none",  # pyright: ignore[reportArgumentType] - the stubs lack it
                    isolation_level="read_committed",
                    fetch_max_bytes=_FETCH_BYTES,
                    max_partition_fetch_bytes=self._partition_bytes,
                    max_poll_records=10_000,
                    metrics_enabled=False,
                )
            self._consumer = without_creating_topics(consumer)
        return self._consumer

    def _opened_admin(self) -> Any:
        if self._admin is None:
            from kafka.admin import KafkaAdminClient

            with translating("connect", self._connection):
                self._admin = without_creating_topics(KafkaAdminClient(**self._connection))
        return self._admin


def now_ms() -> int:
    """Return this machine's clock in Kafka's unit."""
    return time.time_ns() // 1_000_000


def _place(topic: str, partition: int) -> Any:
    from kafka.structs import TopicPartition

    return TopicPartition(topic, partition)


def _message(record: Any) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )


def _topic_now(
    described: Mapping[str, Any],
    settings: Mapping[str, str],
    first: Mapping[Any, int],
    following: Mapping[Any, int],
) -> TopicNow:
    name = described["name"]
    partitions = [part["partition_index"] for part in described["partitions"]]
    return TopicNow(
        topic_id=str(described["topic_id"]),
        is_compacted="compact" in settings.get(_POLICY, ""),
        tombstones_kept_ms=int(settings.get(_RETENTION) or _DEFAULT_RETENTION_MS),
        offsets={number: (first[_place(name, number)], following[_place(name, number)]) for number in partitions},
    )


def _settings(described: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the settings of each topic by name; a broker that refuses to tell them leaves a topic without any."""
    return {
        topic: {name: str(setting["value"]) for name, setting in settings.items()}
        for topic, settings in described.get("topic", {}).items()
        if not isinstance(settings, str)
    }
