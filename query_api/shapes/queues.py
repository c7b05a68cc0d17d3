"""Queues of sources as users see them: how each was read last. Nothing here asks SQS."""

from datetime import datetime

from pydantic import BaseModel, Field

from query_api.shapes.streams import CollectionStreams, TroubleShape, trouble_shape
from query_api.shapes.sweeps import FailingSource
from resources.clients.catalog.values import QueueState, StreamTrouble


class QueueShape(BaseModel):
    """The queue that announces a source's changes; one that was never read has no ``looked_at``."""

    source: str
    name: str = Field(description="Account and name of the queue; empty before it was read.")
    waiting: int | None = Field(description="Messages that waited when the queue was looked at last, about.")
    in_flight: int | None = Field(description="Messages that were received then and not deleted, about.")
    messages: int = Field(description="Messages that concerned the source.")
    recorded: int = Field(description="New or changed objects that were recorded because of them.")
    left_to_sweep: int = Field(description="Deletions that were too many at once and were left to the sweep.")
    ignored: int = Field(description="Messages of the queue that concerned no source that declares it.")
    dead_letters: int = Field(description="Messages of the queue that became dead letters, settled ones too.")
    looked_at: datetime | None = Field(description="When the queue was read last, if only to find nothing.")
    received_at: datetime | None = Field(description="When the last message came.")
    oldest_s: float | None = Field(description="How old the oldest of the last messages was when it was received.")
    trouble: TroubleShape | None = Field(description="What kept the queue from being read when that was tried last.")


class CollectionQueues(CollectionStreams):
    """A collection's streams, the queues of its sources, and those of its sources that are not swept."""

    queues: list[QueueShape]
    failing_sources: list[FailingSource] = Field(description="Sources that are not swept at present, and why.")


class StreamList(BaseModel):
    """Every collection that declares a stream or queue, read a stream, has something to send or a failing source."""

    collections: list[CollectionQueues]


def queue_shape(source: str, state: QueueState | None, trouble: StreamTrouble | None) -> QueueShape:
    """Return a source's queue as users see it; ``state`` is None where it was never read."""
    return QueueShape(
        source=source,
        name="" if state is None else state.name,
        waiting=None if state is None else state.waiting,
        in_flight=None if state is None else state.in_flight,
        messages=0 if state is None else state.messages,
        recorded=0 if state is None else state.recorded,
        left_to_sweep=0 if state is None else state.left_to_sweep,
        ignored=0 if state is None else state.ignored,
        dead_letters=0 if state is None else state.dead,
        looked_at=None if state is None else state.looked_at,
        received_at=None if state is None else state.received_at,
        oldest_s=None if state is None else state.oldest_s,
        trouble=trouble_shape(trouble),
    )
