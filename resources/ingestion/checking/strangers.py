"""Points of documents that should have none: deleted, quarantined and removed, never indexed, or never heard of."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from resources.ingestion.checking.findings import Finding, Kind
from resources.ingestion.checking.promises import Tally

if TYPE_CHECKING:
    from rag_core.vector_index import IndexInspector
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.evidence import KnownDocument

_REMEMBERED = 200_000
"""How many documents a scan remembers to have looked up; beyond them one may be looked up again."""

_DOCUMENTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """Looks in the index ``physical`` of a collection; what changes while it looks is not held against anybody.

    ``found`` hears of every document and of every point without one.
    """

    collection: str
    physical: str
    catalog: "Catalog"
    inspector: "IndexInspector"
    found: Callable[[Sequence[Finding]], None] = field(default=lambda _: None)

    def of_block(self, partition: int, tally: Tally, *, run_id: str | None) -> None:
        """Look for points of those documents of a block (or of a run's share of it) that should have none."""
        for_none = self._without_points(partition, run_id)
        documents = list(for_none)
        tally.count(looked_at=len(documents))
        for start in range(0, len(documents), _DOCUMENTS_AT_ONCE):
            held = self._held(documents[start : start + _DOCUMENTS_AT_ONCE])
            still = self._without_points(partition, run_id) if held else {}
            held = self._held([document for document in held if document in still])
            tally.count(
                looked_at=0,
                broken=(
                    f"{still[document].uri}: {number} points, but it is {still[document].state}"
                    for document, number in held.items()
                ),
            )

    def anywhere(self, tally: Tally) -> None:
        """Look through all points, page by page, for documents that the catalog does not have in this index."""
        seen: set[UUID] = set()
        for page in self.inspector.every_point(self.physical):
            nameless = [point.point_id for point in page if point.document_id is None]
            tally.count(looked_at=0, broken=(f"point {point} names no document" for point in nameless))
            if nameless:
                self.found([Finding(kind=Kind.POINT_NAMELESS, what=point, points=(point,)) for point in nameless])
            asked = {point.document_id for point in page if point.document_id is not None} - seen
            strange = asked - self.catalog.evidence.answering(self.physical, asked)
            if strange:
                self._name(sorted(strange), tally)
            if len(seen) + len(asked) <= _REMEMBERED:
                seen |= asked

    def _name(self, documents: Sequence[UUID], tally: Tally) -> None:
        held = self._held(documents)
        held = {one: held[one] for one in held.keys() - self.catalog.evidence.answering(self.physical, held)}
        known = self.catalog.queries.documents_by_id(list(held))
        for document, number in sorted(held.items()):
            row = known.get(document)
            name = "the catalog does not know it" if row is None else f"it is {row.state}"
            what = str(document) if row is None else row.uri
            tally.count(looked_at=1, broken=[f"{what}: {number} points, but {name}"])
            strange = Finding(kind=Kind.POINT_STRANGE, what=what, document_id=document, count=number, example=name)
            self.found([strange])

    def _without_points(self, partition: int, run_id: str | None) -> "dict[UUID, KnownDocument]":
        found = self.catalog.evidence.without_points(self.collection, partition, self.physical, run_id=run_id)
        return {document.document_id: document for document in found}

    def _held(self, documents: Sequence[UUID]) -> dict[UUID, int]:
        """Return how many points the index holds now of those that have any."""
        held = Counter(point.document_id for point in self.inspector.points_of(self.physical, documents))
        return {document: number for document, number in held.items() if document is not None}
