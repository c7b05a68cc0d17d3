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
from rag_core.objects import announced_version, is_addressable, sidecar_key
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


class ObjectHints:
    """Observes objects of a collection's folders and buckets; ``stores`` by the source's name."""

    def __init__(self, collection: Collection, stores: Mapping[str, ObjectStore]) -> None:
        self._collection = collection
        self._stores = stores
        self._deletions = FewDeletions()

    def observe(self, hint: ObjectHint) -> HintedObject | None:
        """Return the object and what to record of it; None for what its source leaves out.

        Raises ``MessageRejected`` where no source of the collection holds the URI.
        """
        for source in self._collection.sources:
            store = self._stores[source.name]
            if hint.uri.startswith(store.root_uri):
                key = unquote(hint.uri.removeprefix(store.root_uri))
                if is_addressable(key) and store.uri(key) == hint.uri:
                    return self._of_source(source, store, key, hint)
        if any(_is_same_bucket(self._stores[source.name].root_uri, hint.uri) for source in self._collection.sources):
            return None
        raise MessageRejected(
            RejectKind.NO_SOURCE,
            f"No source of the collection holds {hint.uri[:300]}.",
            remedy="Declare a source with that bucket or folder, or send the notifications elsewhere; then replay it.",
        )

    def _of_source(self, source: BucketSource, store: ObjectStore, key: str, hint: ObjectHint) -> HintedObject | None:
        suffix = source.sidecar_suffix
        is_sidecar = suffix is not None and key.endswith(suffix)
        if suffix is not None and is_sidecar:
            key = key.removesuffix(suffix)
        if not selects(source, key):
            return None
        return HintedObject(
            source=source.name,
            key=key,
            observation=self._looked_at(store, key, suffix, hint),
            is_described=hint.describes and not is_sidecar,
        )

    def _looked_at(self, store: ObjectStore, key: str, suffix: str | None, hint: ObjectHint) -> Observation | None:
        """Return what to record; None where there is nothing, or its deletion is left to the sweep."""
        try:
            info = store.head(key)
            name = sidecar_key(key, suffix)
            sidecar = store.head(name) if name is not None and info is not None else None
        except (DependencyUnavailable, DocumentUnavailable, InvalidRequest):
            return _seen(store, key, hint.presence, "", hint.size_bytes or 0)
        if info is not None:
            return _seen(store, key, Presence.PRESENT, announced_version(info, sidecar), info.size_bytes)
        now_s = time.monotonic()
        if hint.presence is Presence.PRESENT or not self._deletions.left(now_s):
            return None
        self._deletions.spend(1, now_s)
        return _seen(store, key, Presence.GONE, "", 0)


def _seen(store: ObjectStore, key: str, presence: Presence, announced: str, size_bytes: int) -> Observation:
    return Observation(
        key=key, uri=store.uri(key), presence=presence, announced=announced, size_bytes=max(0, size_bytes)
    )


def _is_same_bucket(root_uri: str, uri: str) -> bool:
    """Say whether an S3 URI lies in the bucket of a source, outside of its prefix: notified, but not asked for."""
    return root_uri.startswith("s3://") and uri.startswith("/".join(root_uri.split("/", 3)[:3]) + "/")
