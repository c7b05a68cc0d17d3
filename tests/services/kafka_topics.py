"""Topics of a Kafka for tests: made with names of their own, filled, read, made again, deleted at the end."""

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.consumer.fetcher import ConsumerRecord
from kafka.producer.future import RecordMetadata

from tests.services.loopback import wait_until

Record = tuple[bytes | None, bytes | None]
"""A record's key and value."""


class KafkaTopics:
    """What tests do with the topics of the Kafka at ``bootstrap`` (``host:port``, comma-separated)."""

    def __init__(self, bootstrap: str, *, copies: int = 1) -> None:
        self.bootstrap = bootstrap
        self._copies = copies
        self._made: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variable by which the platform finds this Kafka."""
        return {"RAG_KAFKA": self.bootstrap}

    @contextlib.contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """Yield an admin client."""
        client = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","), reconnect_backoff_max_ms=1000)
        try:
            yield client
        finally:
            client.close()

    def create_topic(
        self, name: str | None = None, *, partitions: int = 1, cleanup_policy: str = "delete", **configs: str
    ) -> str:
        """Make a topic and return its name, a new one unless given; ``retention_ms="-1"`` sets ``retention.ms``."""
        made = name or f"test-{uuid.uuid4().hex[:12]}"
        settings = {
            key.replace("_", "."): value for key, value in {"cleanup_policy": cleanup_policy, **configs}.items()
        }
        topic = {"num_partitions": partitions, "replication_factor": self._copies, "configs": settings}
        with self.admin() as admin:
            admin.create_topics({made: topic})
            admin.wait_for_topics([made])
        if made not in self._made:
            self._made.append(made)
        return made

    def delete_topic(self, name: str) -> None:
        """Delete the topic and return once nobody sees it any more."""
        with self.admin() as admin:
            admin.delete_topics([name])
            wait_until(lambda: name not in admin.list_topics(), what=f"topic {name} to be gone")

    def recreate_topic(self, name: str, *, partitions: int = 1, cleanup_policy: str = "delete", **configs: str) -> None:
        """Delete the topic and make another one of the same name: empty, from offset 0, with another id."""
        self.delete_topic(name)
        self.create_topic(name, partitions=partitions, cleanup_policy=cleanup_policy, **configs)

    def add_partitions(self, name: str, *, total: int) -> None:
        """Let the topic grow to ``total`` partitions."""
        with self.admin() as admin:
            admin.create_partitions({name: total})
            wait_until(
                lambda: len(admin.describe_topics([name])[0]["partitions"]) == total,
                what=f"{total} partitions of {name}",
            )
            admin.wait_for_topics([name])

    def delete_records(self, name: str, *, before: Mapping[int, int]) -> None:
        """Delete what lies before an offset, by partition, as retention does."""
        with self.admin() as admin:
            admin.delete_records({TopicPartition(name, partition): offset for partition, offset in before.items()})

    def configure_topic(self, name: str, **configs: str) -> None:
        """Change settings of the topic: ``cleanup_policy="compact"`` sets ``cleanup.policy``."""
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        with self.admin() as admin:
            said = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, settings)])
        assert said["topic"][name] == "OK", said

    def topic_id(self, name: str) -> str:
        """Return the id that Kafka gave to the topic."""
        with self.admin() as admin:
            return str(admin.describe_topics([name])[0]["topic_id"])

    @contextlib.contextmanager
    def producer(self, **settings: Any) -> Iterator[KafkaProducer]:
        """Yield a producer; what it sent is acknowledged when the block ends."""
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap.split(","), **{"reconnect_backoff_max_ms": 1000, **settings}
        )
        try:
            yield producer
            producer.flush(60)
        finally:
            producer.close(5)

    def send(
        self,
        topic: str,
        records: Iterable[Record],
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> list[RecordMetadata]:
        """Send the records in their order; return where each of them lies, once all are acknowledged."""
        with self.producer() as producer:
            sent = [
                producer.send(
                    topic, value=value, key=key, partition=partition, timestamp_ms=timestamp_ms, headers=list(headers)
                )
                for key, value in records
            ]
            return [future.get(60) for future in sent]

    def read_all(self, topic: str, *, limit_s: float = 60.0) -> list[ConsumerRecord]:
        """Return every record of the topic, from the beginning of each partition to its end now; joins no group."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap.split(","),
            group_id=None,
            auto_offset_reset="none",
            enable_auto_commit=False,
            reconnect_backoff_max_ms=1000,
        )
        try:
            places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            consumer.assign(places)
            ends = consumer.end_offsets(places, timeout_ms=30_000)
            consumer.seek_to_beginning(*places)
            found: list[ConsumerRecord] = []
            give_up = time.monotonic() + limit_s
            while any(consumer.position(place) < ends[place] for place in places):
                assert time.monotonic() < give_up, f"{topic} was not read to its end within {limit_s:.0f} s"
                for records in consumer.poll(1000).values():
                    found += records
            return found
        finally:
            consumer.close()

    def delete_made_topics(self) -> None:
        """Delete every topic made here that is still there."""
        with self.admin() as admin:
            left = sorted(set(self._made) & set(admin.list_topics()))
            if left:
                admin.delete_topics(left)
        self._made.clear()
