"""A real Kafka, PostgreSQL and index; a stream of a topic of its own for each test."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from qdrant_client import QdrantClient

from rag_core.collection import Collection
from rag_core.kafka import Stream
from rag_core.streaming import StreamState
from resources.clients.catalog import Catalog
from resources.clients.collection_files import LoadedCollection, load_collection
from resources.clients.described_objects import DescribedStore
from resources.clients.kafka.reading import KafkaReader, now_ms
from resources.clients.object_store import ReadableStore
from resources.clients.parsing import ParserSandbox
from resources.clients.stored_messages import MessageStore
from sensors.consuming import StreamConsumer
from sensors.object_hints import ObjectHints
from sensors.replaying import Replayed, StreamReplay
from sensors.stream_batch import BatchMaker
from sensors.stream_tick import StreamTick
from tests.pipeline.conftest import catalog, client, database_url, edge, migrated, parser, postgres
from tests.pipeline.corpus import Corpus, paragraphs
from tests.services.kafka_topics import KafkaTopics

__all__ = ["catalog", "client", "database_url", "edge", "migrated", "parser", "postgres"]

STREAM = "events"


@dataclass(kw_only=True)
class Streamed(Corpus):
    """A corpus that is fed by a stream beside its folder."""

    kafka: KafkaTopics
    topic: str
    stream_settings: dict[str, Any] = field(default_factory=dict[str, Any])
    cluster: str = "main"
    clock_ms: Callable[[], int] = now_ms
    opened: list[KafkaReader] = field(default_factory=list[KafkaReader])

    @property
    def collection(self) -> Collection:
        stream = {"name": STREAM, "topics": [self.topic], **self.stream_settings}
        kafka = {"cluster": self.cluster, "bootstrap_servers": self.kafka.bootstrap.split(","), "streams": [stream]}
        values = super().collection.model_dump(mode="json", by_alias=True, exclude={"kafka"})
        return Collection.model_validate(values | {"kafka": kafka})

    @property
    def stream(self) -> Stream:
        return self.collection.streams[0]

    @property
    def stores(self) -> dict[str, ReadableStore]:  # type: ignore[override] - a stream's store lists nothing
        streamed = MessageStore(self.catalog, collection=self.name, stream=STREAM, cluster=self.cluster)
        described = {
            name: DescribedStore(store, self.catalog, collection=self.name, source=name)
            for name, store in super().stores.items()
        }
        return {**described, STREAM: streamed}

    def loaded(self) -> LoadedCollection:
        """Write the collection's file as it is declared now, and read it."""
        folder = self.root / "collections"
        folder.mkdir(exist_ok=True)
        values = self.collection.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        (folder / f"{self.name}.yaml").write_text(yaml.safe_dump(values))
        return load_collection(folder, self.name)

    def consumer(self, **options: Any) -> StreamConsumer:
        """Return a consumer with a connection of its own, as another process would have."""
        collection = self.collection
        assert collection.kafka is not None
        reader = KafkaReader(collection.kafka, group=f"rag-assets.{self.name}", max_message_bytes=1024 * 1024)
        self.opened.append(reader)
        return StreamConsumer(
            collection=collection,
            stream=self.stream,
            reader=reader,
            batches=self.batches(),
            catalog=self.catalog,
            clock_ms=self.clock_ms,
            **options,
        )

    def batches(self) -> BatchMaker:
        collection = self.collection
        assert collection.kafka is not None
        hints = ObjectHints(collection, {source.name: self.store for source in collection.sources})
        return BatchMaker(collection=self.name, kafka=collection.kafka, stream=self.stream, observe=hints.observe)

    def tick(self, **options: Any) -> StreamTick:
        """Read all that is there, with a new connection."""
        return self.consumer().tick(**options)

    def replay_range(self, *, first: int | None = None, end: int | None = None) -> Replayed:
        """Record a range of the topic's first partition again, with a new connection."""
        collection = self.collection
        assert collection.kafka is not None
        with KafkaReader(collection.kafka, group=None, max_message_bytes=1024 * 1024) as reader:
            replay = StreamReplay(
                collection=collection, stream=STREAM, reader=reader, batches=self.batches(), catalog=self.catalog
            )
            return replay.replay((self.topic, 0), first=first, end=end)

    def send(self, *records: tuple[str | None, Any], partition: int | None = None) -> None:
        """Send records: a dict as JSON, None as a tombstone, bytes as they are."""
        self.kafka.send(
            self.topic,
            [(None if key is None else key.encode(), _value(value)) for key, value in records],
            partition=partition,
        )

    def key(self, id_: str) -> str:
        return f"{self.topic}/{id_}"

    def uri(self, id_: str) -> str:
        return f"kafka://main/{self.topic}/{id_}"

    def streamed_texts(self) -> dict[str, list[str]]:
        """Return the texts of the stream's documents in the index, by id."""
        found: dict[str, list[tuple[int, str]]] = {}
        for payload, _, _ in self.points().values():
            if payload["uri"].startswith(self.uri("")):
                found.setdefault(payload["uri"].removeprefix(self.uri("")), []).append(
                    (payload["ordinal"], payload["text"])
                )
        return {id_: [text for _, text in sorted(texts)] for id_, texts in found.items()}

    def state(self) -> StreamState:
        return StreamState.from_json(self.catalog.recording.position(self.name, STREAM).value)


def note(*topics: str, **more: Any) -> dict[str, Any]:
    """Return an inline document with a paragraph a topic."""
    return {"text": paragraphs(*topics), **more}


def _value(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return json.dumps(value).encode()


@pytest.fixture
def streamed(
    catalog: Catalog, client: QdrantClient, parser: ParserSandbox, tmp_path: Path, kafka: KafkaTopics
) -> Iterator[Streamed]:
    made = Streamed(
        root=tmp_path,
        catalog=catalog,
        client=client,
        parser=parser,
        kafka=kafka,
        topic=kafka.create_topic(partitions=2),
    )
    yield made
    for reader in made.opened:
        reader.close()
