"""One look at a document's object: what is there now, whom its metadata allows, and whether its source is there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from rag_core.access import stored_groups
from rag_core.arrivals import Arrival, Presence
from rag_core.collection import Collection, selects
from rag_core.descriptions import companion_version
from rag_core.errors import DependencyUnavailable, DocumentRejected, QuarantineKind, SourceAway
from rag_core.metadata import ALLOWED_GROUPS, MAX_SIDECAR_BYTES, resolve_metadata
from rag_core.metadata_rules import FrontMatterMetadata
from rag_core.objects import ObjectInfo, sidecar_key
from resources.clients.object_store import ReadableStore, RootMissing
from resources.ingestion.work import Look

AWAY_S = 30.0
LONGEST_AWAY_S = 300.0
"""How long the documents of a source whose store is away are left alone: at first, and at last, doubling between."""

UNCONFIRMED_S = 600.0
"""How long at last those of a source are that nobody declares (so) any more, until a person confirms its removal."""


class SourceLooker:
    """Looks at objects of one collection's sources, from several threads at once.

    A source found away is not asked again in this run: its documents would each wait for the same time-outs.
    """

    def __init__(self, collection: Collection, stores: Mapping[str, ReadableStore]) -> None:
        self._collection = collection
        self._stores = stores
        self._away: dict[str, SourceAway] = {}

    def look(self, arrival: Arrival) -> Look | None:
        """Look at an object and its sidecar now; None when it is gone.

        Raises ``SourceAway`` where nothing of its source can be looked at, ``DocumentUnavailable``, or
        ``DocumentRejected`` for a sidecar that is no text. An object that the collection's file selects no more is
        gone once its deletion is recorded (and confirmed), though the store still has it; so is one whose root a
        person gave up, missing or declared elsewhere by now.
        """
        source, key = arrival.source, arrival.key
        is_recorded_gone = arrival.presence is Presence.GONE
        if is_recorded_gone and not self._is_selected(source, key):
            return None
        store = self.store(source)
        if store.uri(key) != arrival.uri:
            if is_recorded_gone:
                return None
            raise SourceAway(
                f"The url of source {source} has changed: {arrival.uri} cannot be looked at.",
                source=source,
                wait_s=AWAY_S,
                until_confirmed=True,
                remedy="Put the url back, or confirm the change: rag sources.",
            )
        tag_fields = self._collection.source(source).tag_fields
        companion = sidecar_key(key, self._collection.source(source).sidecar_suffix)
        with self.noting_absence(source, store):
            try:
                info = store.head(key)
            except RootMissing:
                if is_recorded_gone:
                    return None
                raise
            if info is None:
                return None
            if tag_fields:
                info = replace(info, tags=store.tags(key))
            sidecar = None if companion is None else store.read_small(companion, MAX_SIDECAR_BYTES)
        return Look(
            etag=info.etag,
            version_id=info.version_id,
            modified_at=info.modified_at.isoformat(),
            size_bytes=info.size_bytes,
            sidecar_etag=companion_version("" if sidecar is None else sidecar[0].etag, info.description),
            info=info,
            sidecar_text=info.details if sidecar is None else _decoded(sidecar[1], str(companion)),
        )

    def groups(self, arrival: Arrival, look: Look) -> tuple[str, ...] | None:
        """Return the groups that everything but the document's own text allows; None when that is not known.

        Where only the text itself may name groups and nothing else does, the default says nothing about it.
        """
        rules = self._collection.source(arrival.source).metadata
        try:
            resolved = resolve_metadata(
                rules,
                key=arrival.key,
                sidecar_text=look.sidecar_text,
                user_metadata=look.info.user_metadata,
                tags=look.info.tags,
                parsed_metadata={},
                described=described_text(look.info),
            )
        except DocumentRejected:
            return None
        in_text = any(isinstance(rule, FrontMatterMetadata) and ALLOWED_GROUPS in rule.fields for rule in rules)
        if resolved.allowed_groups is None and in_text:
            return resolved.narrowed_to
        default = self._collection.default_access
        return stored_groups(resolved.groups(default_access=default), default_access=default)

    @contextmanager
    def noting_absence(self, source: str, store: ReadableStore) -> Iterator[None]:
        """Turn "this source's store is away" into ``SourceAway``, at once where it was found away before."""
        if source in self._away:
            raise self._away[source]
        try:
            yield
        except DependencyUnavailable as error:
            if error.dependency != store.root_uri:
                raise
            away = SourceAway(
                f"Source {source} is away: {error.message}", source=source, wait_s=AWAY_S, remedy=error.remedy
            )
            self._away[source] = away
            raise away from error

    def store(self, source: str) -> ReadableStore:
        """Return a source's store; raises ``SourceAway`` where nobody declares it any more."""
        try:
            return self._stores[source]
        except KeyError as error:
            raise SourceAway(
                f"The source {source} is no longer in the collection's file, so its objects cannot be looked at.",
                source=source,
                wait_s=AWAY_S,
                until_confirmed=True,
                remedy="Declare it again, or confirm its removal: rag sources.",
            ) from error

    def _is_selected(self, source: str, key: str) -> bool:
        declared = {one.name: one for one in self._collection.sources}.get(source)
        return declared is not None and selects(declared, key)


def described_text(info: ObjectInfo) -> str:
    """Return what a message says of an object, in the shape of a sidecar; empty where none does."""
    return "" if info.description is None else info.description.details


def _decoded(content: bytes, key: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentRejected(
            QuarantineKind.BAD_METADATA, f"The sidecar {key} is not UTF-8.", remedy="Save it as UTF-8."
        ) from error
