"""Whom a queue concerns: the sources that declare it, of all collections. One reader serves them all."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag_core.collection import Collection
from rag_core.errors import ConfigurationError
from rag_core.messages.message import MessageRejected, ObjectHint
from rag_core.notifications import SqsNotifications, usable_queue_url
from resources.clients.catalog.values import PartitionLimits
from sensors.few_deletions import FewDeletions
from sensors.object_hints import ObjectHints, ObjectPlace

if TYPE_CHECKING:
    from resources.clients.collection_files import LoadedCollection

Place = tuple[str, str]
"""A collection's source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSources:
    """The sources of one collection that declare a queue; ``deletions`` by the source's name."""

    collection: Collection
    names: tuple[str, ...]
    hints: ObjectHints
    deletions: Mapping[str, FewDeletions]

    @property
    def limits(self) -> PartitionLimits:
        """The bounds of the collection's blocks."""
        return PartitionLimits(size=self.collection.partition_size, bytes=self.collection.partition_bytes)

    def place_of(self, hint: ObjectHint) -> ObjectPlace | None:
        """Return where one of the sources has the object; None for what concerns none of them."""
        try:
            return self.hints.place_of(hint)
        except MessageRejected:
            return None


@dataclass(slots=True, kw_only=True)
class DeclaredQueue:
    """A queue and the sources that declare it, by collection; the region is the first that one of them names.

    It outlives its readers, which are opened anew after every error, and so do the bounds that they keep to.
    """

    url: str
    region: str | None = None
    max_receives: int = 1
    sources: "dict[str, tuple[LoadedCollection, list[str]]]" = field(
        default_factory=dict[str, "tuple[LoadedCollection, list[str]]"]
    )
    deletions: dict[Place, FewDeletions] = field(default_factory=lambda: defaultdict[Place, FewDeletions](FewDeletions))
    """What was deleted lately without a sweep."""
    swept_after_s: dict[Place, float] = field(default_factory=dict[Place, float])
    """When a source's sweep may be brought forward again."""

    @property
    def places(self) -> list[Place]:
        """Every (collection, source) that it concerns; the first one keeps the queue's dead letters."""
        return [(name, source) for name, (_, sources) in sorted(self.sources.items()) for source in sorted(sources)]

    def add(self, loaded: "LoadedCollection", source: str, declared: SqsNotifications) -> None:
        """Let it concern another source."""
        self.sources.setdefault(loaded.collection.name, (loaded, []))[1].append(source)
        self.region = self.region or declared.region
        self.max_receives = max(self.max_receives, declared.max_receives)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableQueue:
    """A source whose queue cannot be found, and why."""

    collection: str
    source: str
    problem: ConfigurationError


def declared_queues(
    collections: "Sequence[LoadedCollection]", *, environ: Mapping[str, str] | None = None
) -> tuple[list[DeclaredQueue], list[UnreadableQueue]]:
    """Return the queues that sources declare, each once however many share it, and why others cannot be found."""
    known = os.environ if environ is None else environ
    queues: dict[str, DeclaredQueue] = {}
    problems: list[UnreadableQueue] = []
    for loaded in collections:
        for source in loaded.collection.sources:
            if source.notifications is None:
                continue
            declared = source.notifications.sqs
            try:
                url = queue_url_of(declared, environ=known)
            except ConfigurationError as error:
                problems.append(UnreadableQueue(collection=loaded.collection.name, source=source.name, problem=error))
                continue
            queues.setdefault(url, DeclaredQueue(url=url)).add(loaded, source.name, declared)
    return list(queues.values()), problems


def queue_url_of(declared: SqsNotifications, *, environ: Mapping[str, str]) -> str:
    """Return a declared queue's URL; raises ``ConfigurationError`` where its variable holds none."""
    if declared.queue_url is not None:
        return declared.queue_url
    variable = declared.queue_url_env or ""
    given = environ.get(variable, "").strip()
    if not given:
        raise ConfigurationError(
            f"The queue's URL is taken from {variable}, which is not set.", remedy=f"Set {variable} to the queue's URL."
        )
    try:
        return usable_queue_url(given)
    except ValueError as error:
        raise ConfigurationError(f"{variable} {error}.", remedy=f"Correct {variable}.") from None


def open_audience(queue: DeclaredQueue) -> list[QueueSources]:
    """Return whom a queue concerns, each with the stores to look at."""
    from sensors.connections import open_source

    found: list[QueueSources] = []
    for _, (loaded, names) in sorted(queue.sources.items()):
        stores = {name: open_source(loaded, loaded.collection.bucket(name)) for name in names}
        found.append(
            QueueSources(
                collection=loaded.collection,
                names=tuple(sorted(names)),
                hints=ObjectHints(loaded.collection, stores),
                deletions={name: queue.deletions[loaded.collection.name, name] for name in names},
            )
        )
    return found
