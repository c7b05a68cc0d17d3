"""Hints at objects, as messages bring them: which source they concern, and what a look at the object finds.

A message about an object is a reason to look: what is recorded is what the store says now, as a sweep would record it,
so that the next sweep finds nothing new. A store that is away is not waited for: the hint is recorded
without a version, and the run looks when the store is back. Few deletions are recorded; many at once are left to the
sweep, which stops before it deletes too much.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource, Collection, selects
from rag_core.errors import DependencyUnavailable, DocumentUnavailable, InvalidRequest
from rag_core.messages.message import MessageRejected, ObjectHint, RejectKind
from rag_core.objects import announced_version, is_addressable, sidecar_key, tags_version
from resources.clients.object_store import ObjectStore
from sensors.few_deletions import FewDeletions


@dataclass(frozen=True, slots=True, kw_only=True)
class HintedObject:
    """An object that a message is about, and what to record of it; None where its sweep is to say.

    ``is_described``: what the message says of it, if only by leaving it out, is to be kept.
    """

    source: str
    key: str
    observation: Observation | None
    is_described: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlace:
    """Where an object that a message is about lies; of a sidecar it is the document beside it."""

    source: BucketSource
    key: str
    is_sidecar: bool


class ObjectHints:
    """Observes objects of a collection's folders and buckets; ``stores`` by the source's name.

    Only sources that have a store are looked at.
    """

    def __init__(self, collection: Collection, stores: Mapping[str, ObjectStore]) -> None:
        self._sources = [source for source in collection.sources if source.name in stores]
        self._stores = stores
        self._deletions = FewDeletions()

    def observe(self, hint: ObjectHint) -> HintedObject | None:
        """Return the object and what to record of it; None for what its source leaves out.

        Raises ``MessageRejected`` where no source of the collection holds the URI.
        """
        place = self.place_of(hint)
        if place is None:
            return None
        return HintedObject(
            source=place.source.name,
            key=place.key,
            observation=self._to_record(place, hint),
            is_described=hint.describes and not place.is_sidecar,
        )

    def place_of(self, hint: ObjectHint) -> ObjectPlace | None:
        """Return where the object lies; None for what its source leaves out.

        Raises ``MessageRejected`` where no source holds the URI.
        """
        is_held = False
        for source in self._sources:
            store = self._stores[source.name]
            if hint.uri.startswith(store.root_uri):
                key = unquote(hint.uri.removeprefix(store.root_uri))
                if is_addressable(key) and store.uri(key) == hint.uri:
                    place = _selected(source, key)
                    if place is not None:
                        return place
                    is_held = True  # left out here; another source of the same place may take it
        if is_held or any(_is_same_bucket(self._stores[source.name].root_uri, hint.uri) for source in self._sources):
            return None
        raise MessageRejected(
            RejectKind.NO_SOURCE,
            f"No source of the collection holds {hint.uri[:300]}.",
            remedy="Declare a source with that bucket or folder, or send the notifications elsewhere; then replay it.",
        )

    def look(self, place: ObjectPlace) -> Observation:
        """Return what the store says of an object now, as a sweep would record it; raises what the store raises."""
        store = self._stores[place.source.name]
        info = store.head(place.key)
        if info is None:
            return _seen(store, place.key, Presence.GONE, "", 0)
        name = sidecar_key(place.key, place.source.sidecar_suffix)
        sidecar = None if name is None else store.head(name)
        fields = place.source.tag_fields
        tags = tags_version(store.tags(place.key), fields) if fields else ""
        announced = announced_version(info, sidecar, tags=tags)
        return _seen(store, place.key, Presence.PRESENT, announced, info.size_bytes)

    def unseen(self, place: ObjectPlace, hint: ObjectHint) -> Observation:
        """Return what to record of an object that cannot be looked at now: the run that reads it looks.

        Of a document whose sidecar went nothing else is known to have gone.
        """
        store = self._stores[place.source.name]
        if place.is_sidecar:
            return _seen(store, place.key, Presence.PRESENT, "", 0)
        return _seen(store, place.key, hint.presence, "", hint.size_bytes or 0)

    def _to_record(self, place: ObjectPlace, hint: ObjectHint) -> Observation | None:
        """Return what to record; None where there is nothing, or its deletion is left to the sweep."""
        try:
            found = self.look(place)
        except (DependencyUnavailable, DocumentUnavailable, InvalidRequest):
            return self.unseen(place, hint)
        if found.presence is Presence.PRESENT:
            return found
        now_s = time.monotonic()
        if hint.presence is Presence.PRESENT or not self._deletions.left(now_s):
            return None
        self._deletions.spend(1, now_s)
        return found


def _selected(source: BucketSource, key: str) -> ObjectPlace | None:
    suffix = source.sidecar_suffix
    is_sidecar = suffix is not None and key.endswith(suffix)
    if suffix is not None and is_sidecar:
        key = key.removesuffix(suffix)
    return ObjectPlace(source=source, key=key, is_sidecar=is_sidecar) if selects(source, key) else None


def _seen(store: ObjectStore, key: str, presence: Presence, announced: str, size_bytes: int) -> Observation:
    return Observation(
        key=key, uri=store.uri(key), presence=presence, announced=announced, size_bytes=max(0, size_bytes)
    )


def _is_same_bucket(root_uri: str, uri: str) -> bool:
    """Say whether an S3 URI lies in the bucket of a source, outside of its prefix: notified, but not asked for."""
    return root_uri.startswith("s3://") and uri.startswith("/".join(root_uri.split("/", 3)[:3]) + "/")
