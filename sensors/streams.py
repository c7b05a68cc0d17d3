"""What reading a stream is put together from, opened at first use and kept for the life of the process."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from rag_core.errors import ConfigurationError
from rag_core.kafka import Kafka, Stream
from resources.clients.collection_files import LoadedCollection

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.kafka.reading import KafkaReader
    from resources.clients.kafka.sending import OutboxSender
    from sensors.consuming import StreamConsumer
    from sensors.replaying import StreamReplay
    from sensors.stream_batch import BatchMaker

_DESCRIBE_EVERY_S = 20.0


@dataclass(slots=True, kw_only=True)
class OpenStream:
    """One stream's consumer and its collection's sender; one tick at a time."""

    consumer: "StreamConsumer"
    sender: "OutboxSender"
    declared: str
    """The collection as it was declared when this was opened; another declaration has its own."""
    lock: Lock = field(default_factory=Lock)


_OPENING = Lock()
_OPEN: dict[tuple[int, str, str], OpenStream] = {}
"""By process, collection and stream."""


@contextmanager
def shared_stream(loaded: LoadedCollection, stream: Stream, catalog: "Catalog") -> Iterator[OpenStream | None]:
    """Give this process's consumer of a stream; None while another tick has it."""
    place = os.getpid(), loaded.collection.name, stream.name
    declared = loaded.collection.model_dump_json()
    with _OPENING:
        opened = _OPEN.get(place)
        if opened is None or opened.declared != declared:
            if opened is not None and opened.lock.acquire(blocking=False):  # else its tick goes on, and is its last
                opened.consumer.close()
                opened.sender.close()
            opened = _OPEN[place] = OpenStream(
                consumer=open_stream(loaded, stream, catalog), sender=open_sender(loaded, catalog), declared=declared
            )
    if not opened.lock.acquire(blocking=False):
        yield None
        return
    try:
        yield opened
    finally:
        opened.lock.release()


def open_stream(
    loaded: LoadedCollection, stream: Stream, catalog: "Catalog", *, describe_every_s: float = _DESCRIBE_EVERY_S
) -> "StreamConsumer":
    """Return a consumer of a stream with a connection of its own."""
    from resources.clients.kafka.reading import KafkaReader
    from sensors.consuming import StreamConsumer

    return StreamConsumer(
        collection=loaded.collection,
        stream=stream,
        reader=KafkaReader(
            _kafka_of(loaded),
            group=group_of(loaded.collection.name, stream.name),
            max_message_bytes=stream.max_message_bytes,
            environ=stream_environ(),
        ),
        batches=open_batches(loaded, stream),
        catalog=catalog,
        describe_every_s=describe_every_s,
    )


def open_replay(loaded: LoadedCollection, stream: Stream, catalog: "Catalog") -> "tuple[StreamReplay, KafkaReader]":
    """Return a replay of a stream and the reader that it reads with, which the caller closes."""
    from sensors.replaying import StreamReplay

    reader = open_reader(loaded, stream)
    replay = StreamReplay(
        collection=loaded.collection,
        stream=stream.name,
        reader=reader,
        batches=open_batches(loaded, stream),
        catalog=catalog,
    )
    return replay, reader


def open_reader(loaded: LoadedCollection, stream: Stream) -> "KafkaReader":
    """Return a reader that is in no group, which the caller closes."""
    from resources.clients.kafka.reading import KafkaReader

    return KafkaReader(
        _kafka_of(loaded), group=None, max_message_bytes=stream.max_message_bytes, environ=stream_environ()
    )


def open_batches(loaded: LoadedCollection, stream: Stream) -> "BatchMaker":
    """Return what decodes a stream's messages, by the collection as it is declared now."""
    from sensors.connections import open_source
    from sensors.object_hints import ObjectHints
    from sensors.stream_batch import BatchMaker

    collection = loaded.collection
    hints = ObjectHints(collection, {source.name: open_source(loaded, source) for source in collection.sources})
    return BatchMaker(collection=collection.name, kafka=_kafka_of(loaded), stream=stream, observe=hints.observe)


def open_sender(loaded: LoadedCollection, catalog: "Catalog") -> "OutboxSender":
    """Return the sender of a collection's outbox."""
    from resources.clients.kafka.sending import OutboxSender

    name = loaded.collection.name
    return OutboxSender(catalog, collection=name, kafka=_kafka_of(loaded), environ=stream_environ())


def group_of(collection: str, stream: str) -> str:
    """Return the consumer group under which lag tools see a stream."""
    return f"rag-assets.{collection}.{stream}"


def stream_environ() -> Mapping[str, str]:
    """Return the environment, with the running stack's Kafka where none is set."""
    from resources.clients.settings import load_settings

    known = load_settings().kafka
    return {**({} if known is None else {"RAG_KAFKA": known}), **os.environ}


def _kafka_of(loaded: LoadedCollection) -> Kafka:
    kafka = loaded.collection.kafka
    if kafka is None:
        raise ConfigurationError(f"The collection {loaded.collection.name!r} has no kafka section.")
    return kafka
