"""What an audit tells: each kind of difference with counts, the first few examples and the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_core.identity import Json
from resources.ingestion.checking.findings import Finding, Kind

MAX_EXAMPLES = 5
_REMEMBERED = 100_000
"""So many places are counted once however often they are met; beyond them one may be counted twice."""

_REPAIR = "rag audit --repair makes the documents due; runs write what differs."
_REREAD = "rag audit --repair makes the documents due; runs read and parse them again from the source."
NEXT_STEPS: Mapping[Kind, str] = {
    Kind.SOURCE_UNRECORDED: "The source's next sweep records it; rag audit --repair sweeps now.",
    Kind.SOURCE_GONE: "The source's next complete sweep records the deletion; rag audit --repair sweeps now.",
    Kind.OUTCOME_MISSING: _REPAIR,
    Kind.FILE_MISSING: f"rag restore DIR --only parquet brings files back that a backup has; otherwise: {_REREAD}",
    Kind.FILE_UNREADABLE: f"Look at the disk. rag restore DIR --only parquet brings the file back; else: {_REREAD}",
    Kind.ROW_MISSING: _REREAD,
    Kind.CHUNKS_MISCOUNTED: _REPAIR,
    Kind.VECTOR_MISSING: _REPAIR,
    Kind.VECTOR_UNSOUND: "rag audit --repair has the chunks embedded again.",
    Kind.INDEX_MISSING: "rag audit --repair makes every document due; runs fill the index from Parquet.",
    Kind.POINT_MISSING: _REPAIR,
    Kind.POINT_SURPLUS: _REPAIR,
    Kind.POINT_STRANGE: "rag audit --repair deletes them, or has a run do it where the catalog knows the document.",
    Kind.POINT_NAMELESS: "Somebody else wrote them; rag audit --repair deletes them.",
    Kind.WRONG_KEY: _REPAIR,
    Kind.WRONG_TEXT: _REPAIR,
    Kind.WRONG_PLACE: _REPAIR,
    Kind.WRONG_RIGHTS: f"At once: {_REPAIR}",
    Kind.WRONG_PAYLOAD: _REPAIR,
    Kind.WRONG_VECTOR: _REPAIR,
}


@dataclass(slots=True, kw_only=True)
class Difference:
    """All findings of one kind: ``things`` (points, rows, objects) in ``places`` (documents, files, points)."""

    kind: Kind
    places: int = 0
    things: int = 0
    examples: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Json]:
        """Return what ``rag audit --json`` shows of it."""
        return {
            "kind": self.kind.value,
            "places": self.places,
            "things": self.things,
            "examples": list(self.examples),
            "next_step": NEXT_STEPS[self.kind],
        }


class Differences:
    """Counts findings by kind in bounded memory; what is met twice, by two looks, counts once."""

    def __init__(self) -> None:
        self._by_kind: dict[Kind, Difference] = {}
        self._met: set[tuple[Kind, str]] = set()

    def add(self, finding: Finding) -> bool:
        """Count a finding; False if the same was met before."""
        place = (finding.kind, finding.what)
        if place in self._met:
            return False
        if len(self._met) < _REMEMBERED:
            self._met.add(place)
        difference = self._by_kind.setdefault(finding.kind, Difference(kind=finding.kind))
        difference.places += 1
        difference.things += finding.count
        if len(difference.examples) < MAX_EXAMPLES:
            difference.examples.append(f"{finding.what}: {finding.example}" if finding.example else finding.what)
        return True

    def all(self) -> tuple[Difference, ...]:
        """Return the differences in the order of their kinds."""
        return tuple(self._by_kind[kind] for kind in Kind if kind in self._by_kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionAudit:
    """One collection, compared. ``due`` arrivals wait for a run or are in one: what they change is no difference yet.

    ``not_looked_at`` says what could not be compared, and why: with it an audit is not clean.
    """

    collection: str
    differences: tuple[Difference, ...]
    documents: int
    vectors: int
    objects: int
    due: int
    not_looked_at: tuple[str, ...]
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Say whether all that was to be compared was, and is equal."""
        return not self.differences and not self.not_looked_at

    def to_json(self) -> dict[str, Json]:
        """Return what ``rag audit --json`` shows of it."""
        return {
            "collection": self.collection,
            "clean": self.is_clean,
            "documents": self.documents,
            "vectors": self.vectors,
            "objects": self.objects,
            "due": self.due,
            "differences": [difference.to_json() for difference in self.differences],
            "not_looked_at": list(self.not_looked_at),
            "seconds": round(self.seconds, 2),
        }
