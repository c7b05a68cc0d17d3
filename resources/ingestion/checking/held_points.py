"""The check of the last layer: what the index holds of a document, compared with its rows, key by key.

Whole payloads are compared, not the keys by which the writer remembers them: a payload that somebody changed by hand
still carries those.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# pyarrow ships no types.

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rag_core.access import narrowed_groups
from rag_core.arrivals import ArrivalState
from rag_core.identity import Json, sha256_hex
from rag_core.index_spec import Payload
from rag_core.reconciling import WantedDocument, place_key
from rag_core.rows import EMBEDDING_KEY, ChunkRow, DocumentRow, EmbeddingRow
from resources.ingestion.checking.findings import Finding, Kind, Problem
from resources.ingestion.checking.held_vectors import StoredVectors, vectors_differ
from resources.ingestion.checking.stored_rows import StoredRows
from resources.ingestion.counts import Layer
from resources.ingestion.points import wanted_document
from resources.ingestion.tables import rows_of

if TYPE_CHECKING:
    from rag_core.vector_index import HeldPoint, IndexInspector
    from resources.clients.catalog.values import DocumentRow as CatalogRow

_DESCRIBES = (
    "uri", "content_sha256", "media_type", "parser", "title", "metadata", "allowed_groups", "document_id", "arrival",
)  # fmt: skip
_BLANK: dict[str, Any] = {one.name: "" for one in fields(DocumentRow)}
_MAX_SHOWN = 60


_WRONG_KEYS = {Payload.ALLOWED_GROUPS: Kind.WRONG_RIGHTS, Payload.DOCUMENT_KEY: Kind.WRONG_KEY}
_UNSEEN_BY_WRITERS = frozenset({Kind.WRONG_TEXT, Kind.WRONG_PAYLOAD, Kind.WRONG_VECTOR})
"""Differences in what writers do not compare: they go by the keys that the point carries."""


@dataclass(slots=True, kw_only=True)
class _WantedPoint:
    """A point in little memory: digests in place of its text and place."""

    embedding_key: str
    text: str
    place: str
    vectors: StoredVectors | None = None


@dataclass(slots=True, kw_only=True)
class _Comparison:
    """One document while its points come by."""

    row: "CatalogRow"
    described: DocumentRow | None = None
    payload: Mapping[str, Json] = field(default_factory=dict[str, Json])
    missing: dict[str, _WantedPoint] = field(default_factory=dict[str, _WantedPoint])
    without_vector: set[str] = field(default_factory=set[str])
    differing: Counter[tuple[str, Kind]] = field(default_factory=Counter[tuple[str, Kind]])
    shown: dict[str, str] = field(default_factory=dict[str, str])
    points: dict[Kind, list[str]] = field(default_factory=dict[Kind, list[str]])

    @property
    def is_settled(self) -> bool:
        """Say whether the version that the rows describe is the newest: only then are rights exactly the rows'."""
        newest = self.row.confirmed_arrival == self.row.newest_arrival
        return newest and self.row.state in {ArrivalState.INDEXED, ArrivalState.UNCHANGED}

    def differs(self, kind: Kind, what: str, shown: str, point: str) -> None:
        self.differing[what, kind] += 1
        self.shown.setdefault(what, shown)
        if kind in _UNSEEN_BY_WRITERS:
            self.points.setdefault(kind, []).append(point)

    def see(self, point: "HeldPoint") -> None:
        wanted = self.missing.pop(point.point_id, None)
        if wanted is None:
            self.differs(Kind.POINT_SURPLUS, "too many", f"such as {point.point_id}", point.point_id)
            return
        payload, name = point.payload, point.point_id
        if payload.get(Payload.EMBEDDING_KEY) != wanted.embedding_key:
            self.differs(Kind.WRONG_KEY, "with another embedding key", name, name)
        if sha256_hex(str(payload.get(Payload.TEXT, ""))) != wanted.text:
            self.differs(Kind.WRONG_TEXT, "with another text", name, name)
        if place_key(payload) != wanted.place:
            self.differs(Kind.WRONG_PLACE, "with another place", name, name)
        if wanted.vectors is not None and (how := vectors_differ(point, wanted.vectors)):
            self.differs(Kind.WRONG_VECTOR, "with another vector", f"{name}: {how}", name)
        self._see_document(payload, name)

    def _see_document(self, payload: Mapping[str, Json], point: str) -> None:
        for key, wanted in self.payload.items():
            held = payload.get(key)
            if held == wanted or (key == Payload.DOCUMENT_KEY and not self.is_settled):
                continue
            if key == Payload.ALLOWED_GROUPS:
                groups, most = _groups(held), _groups(wanted)
                if groups == most or (not self.is_settled and narrowed_groups(most, groups) == groups):
                    continue
            kind = _WRONG_KEYS.get(key, Kind.WRONG_PAYLOAD)
            self.differs(kind, f"with another {key}", f"{_short(held)} instead of {_short(wanted)}", point)

    def problem(self) -> Problem | None:
        """Return what is wrong, None if nothing is."""
        found: list[tuple[str, Finding]] = []
        if self.described is None:
            found.append(("no row in documents", self._finding(Kind.ROW_MISSING, "documents")))
        if self.without_vector:
            number = len(self.without_vector)
            found.append(
                (f"{number} chunks without a row in embeddings", self._finding(Kind.VECTOR_MISSING, count=number))
            )
        if self.missing:
            number, first = len(self.missing), min(self.missing)
            found.append(
                (f"{number} points missing, such as {first}", self._finding(Kind.POINT_MISSING, first, count=number))
            )
        for (what, kind), number in sorted(self.differing.items()):
            shown = f"{what} ({self.shown[what]})"
            points = tuple(self.points.get(kind, ()))
            found.append((f"{number} {shown}", self._finding(kind, shown, count=number, points=points)))
        if not found:
            return None
        said = "; ".join(text for text, _ in found)
        return Problem(text=f"{self.row.uri}: {said}", findings=tuple(finding for _, finding in found))

    def _finding(self, kind: Kind, example: str = "", *, count: int = 1, points: tuple[str, ...] = ()) -> Finding:
        return Finding(
            kind=kind,
            what=self.row.uri,
            document_id=self.row.document_id,
            count=count,
            example=example,
            points=points,
        )


def described_by(rows: StoredRows, documents: "Mapping[int, CatalogRow]") -> dict[int, DocumentRow]:
    """Return, by arrival, what points carry of the rows of the documents' indexed and last confirmed arrivals."""
    numbers = {row.confirmed_arrival for row in documents.values()} | set(documents)
    return {
        values["arrival"]: DocumentRow(**{**_BLANK, **values})
        for table in rows.tables(Layer.DOCUMENTS, sorted(n for n in numbers if n is not None), _DESCRIBES)
        for values in table.to_pylist()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PointComparison:
    """Compares documents with what the index ``physical`` (None: none serves the collection) holds of them.

    With ``vectors`` each point's vectors are compared, too: that costs what reading all of them costs.
    """

    rows: StoredRows
    inspector: "IndexInspector"
    physical: str | None
    default_access: Literal["collection", "nobody"]
    vectors: bool = False

    def problems(self, documents: "Mapping[int, CatalogRow]") -> dict[UUID, Problem]:
        """Return what is wrong with which documents, given by their indexed arrival."""
        compared = {number: _Comparison(row=row) for number, row in documents.items()}
        self._describe(compared)
        self._want(compared)
        by_id = {one.row.document_id: one for one in compared.values()}
        if self.physical is not None:
            for point in self.inspector.points_of(self.physical, list(by_id), vectors=self.vectors):
                if point.document_id is not None and point.document_id in by_id:
                    by_id[point.document_id].see(point)
        return {document: problem for document, one in by_id.items() if (problem := one.problem())}

    def _describe(self, compared: Mapping[int, _Comparison]) -> None:
        """Find the row that describes each document now: that of the arrival which confirmed it last.

        Its block may be retired where something newer failed; then the indexed arrival's row says all but the rights.
        """
        found = described_by(self.rows, {number: one.row for number, one in compared.items()})
        for number, one in compared.items():
            confirmed = one.row.confirmed_arrival
            now = found.get(number if confirmed is None else confirmed)
            one.described = now or found.get(number)
            if now is not None:
                wanted = self._wanted(now, [])
                one.payload = {key: value for key, value in wanted.payload.items() if key != Payload.DOCUMENT_ID}

    def _want(self, compared: Mapping[int, _Comparison]) -> None:
        columns = [column.name for column in fields(ChunkRow)]
        for table in self.rows.tables(Layer.CHUNKS, list(compared), columns):
            for row in rows_of(table, ChunkRow):
                one = compared[row.arrival]
                if one.described is not None:
                    [point] = self._wanted(one.described, [row]).points
                    one.missing[row.point_id] = _WantedPoint(
                        embedding_key=row.embedding_key, text=sha256_hex(row.text), place=place_key(point.place)
                    )
                    one.without_vector.add(row.embedding_key)
        self._want_vectors(compared)

    def _want_vectors(self, compared: Mapping[int, _Comparison]) -> None:
        if self.vectors:
            for table in self.rows.tables(Layer.EMBEDDINGS, list(compared), [one.name for one in fields(EmbeddingRow)]):
                for row in rows_of(table, EmbeddingRow):
                    one = compared[row.arrival]
                    one.without_vector.discard(row.embedding_key)
                    if (wanted := one.missing.get(row.point_id)) is not None:
                        wanted.vectors = StoredVectors(
                            dense=row.dense, indices=row.sparse_indices, values=row.sparse_values
                        )
            return
        for table in self.rows.tables(Layer.EMBEDDINGS, list(compared), [EMBEDDING_KEY]):
            for number, key in zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True):
                compared[number].without_vector.discard(key)

    def _wanted(self, row: DocumentRow, chunks: Sequence[ChunkRow]) -> WantedDocument:
        return wanted_document(row, chunks, default_access=self.default_access)


def _groups(value: Json) -> tuple[str, ...]:
    return tuple(sorted(str(group) for group in value)) if isinstance(value, list | tuple) else ()


def _short(value: Json) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
