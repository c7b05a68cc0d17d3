"""What must change in the index so that it holds exactly the points a document should have.

The index itself says what it holds; nothing here remembers what an earlier run meant to write. So a run that
died half way, a lost index and a first ingest all take the same path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from rag_core.identity import Json, fingerprint
from rag_core.index_spec import Payload

_PLACE_WITHOUT_TEXT = tuple(key for key in Payload.PLACE if key != Payload.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPoint:
    """A point that should exist: its id, the key of what its encoders see, and its place keys of the payload."""

    point_id: UUID
    embedding_key: str
    place: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDocument:
    """A document as the index should hold it; ``payload`` has the document keys, the document key among them."""

    document_id: UUID
    payload: Mapping[str, Json]
    points: Sequence[WantedPoint]

    @property
    def document_key(self) -> str:
        """Return the fingerprint of the document's share of the payload."""
        return str(self.payload[Payload.DOCUMENT_KEY])

    @property
    def allowed_groups(self) -> tuple[str, ...]:
        """Return the groups that may find the document, in the order in which points carry them."""
        groups = self.payload.get(Payload.ALLOWED_GROUPS)
        return tuple(str(group) for group in groups) if isinstance(groups, list | tuple) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PointState:
    """What the index says of a point it holds."""

    embedding_key: str
    place_key: str
    document_key: str
    allowed_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChange:
    """The smallest change of one document; ``delete`` is applied last, so a crash leaves old text or both."""

    document_id: UUID
    upsert: tuple[WantedPoint, ...] = ()
    set_place: tuple[WantedPoint, ...] = ()
    set_document: bool = False
    delete: tuple[UUID, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether the index already holds the document as it should be."""
        return not (self.upsert or self.set_place or self.set_document or self.delete)


def difference(wanted: WantedDocument, present: Mapping[UUID, PointState]) -> IndexChange:
    """Return what turns ``present`` into ``wanted``: embed and write, move, describe, delete."""
    upsert: list[WantedPoint] = []
    moved: list[WantedPoint] = []
    set_document = False
    for point in wanted.points:
        held = present.get(point.point_id)
        if held is None or held.embedding_key != point.embedding_key:
            upsert.append(point)
            continue
        if held.place_key != place_key(point.place):
            moved.append(point)
        # Rights are compared themselves: a point that somebody opened by hand must not stay open.
        set_document = (
            set_document or held.document_key != wanted.document_key or held.allowed_groups != wanted.allowed_groups
        )
    kept = {point.point_id for point in wanted.points}
    return IndexChange(
        document_id=wanted.document_id,
        upsert=tuple(upsert),
        set_place=tuple(moved),
        set_document=set_document,
        delete=tuple(sorted(point for point in present if point not in kept)),
    )


def place_key(payload: Mapping[str, Json]) -> str:
    """Return the fingerprint of a point's place; the text is left out, it is part of the point's id."""
    return fingerprint({key: payload.get(key) for key in _PLACE_WITHOUT_TEXT})


def described(document_keys: Mapping[str, Json]) -> dict[str, Json]:
    """Return a document's share of the payload with its document key, the fingerprint of all the other keys."""
    return {**document_keys, Payload.DOCUMENT_KEY: fingerprint(document_keys)}
