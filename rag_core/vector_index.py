"""The ports of the vector index, and the words that are said through them.

A store keeps *physical indexes*, each named by ``IndexSpec.physical_name`` with its spec stored beside its points.
Readers know a collection by its alias; an alias points at one physical index. Every adapter gives the same answers to
the same calls: scores are cosines (dense), and BM25 with ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))`` over the points
of the whole index (sparse), whatever the caller may see of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from rag_core.collection import PayloadField
from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest
from rag_core.filters import Condition, FieldType
from rag_core.identity import Json
from rag_core.index_spec import IndexSpec
from rag_core.reconciling import PointState
from rag_core.sparse import SparseVector


class IndexGone(DependencyUnavailable):
    """The physical index was dropped since it was looked up: look again, it may be another one by now."""


class UnknownCollection(InvalidRequest):
    """No index serves a collection of that name; ``known`` are those that one serves, ``pending`` documents wait."""

    def __init__(self, collection: str, *, known: Sequence[str], pending: int = 0) -> None:
        there = f"there are: {', '.join(known) or 'none yet'}"
        if pending:
            told = f"No index serves {collection[:64]!r} yet: {pending} documents are pending"
            remedy = "The first run makes the index: ask again in a moment; 'rag collections list' shows how far it is."
        else:
            told = f"No index serves a collection named {collection[:64]!r}"
            remedy = "An index is made when a collection's first documents are ingested."
        super().__init__(f"{told}; {there}.", remedy=remedy)
        self.known = tuple(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointWrite:
    """One whole point: id, both vectors, complete payload."""

    point_id: UUID
    dense: Sequence[float]
    sparse: SparseVector
    payload: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexWrite:
    """What to write for a batch of documents; ``apply`` takes the fields in this order, deletions last.

    ``places`` maps a point to its new place keys, ``documents`` a document to the keys all its points share. Keys that
    are not named keep their values; a key set to None is taken away.
    """

    upserts: Iterable[PointWrite] = ()
    places: Mapping[UUID, Mapping[str, Json]] = field(default_factory=dict[UUID, Mapping[str, Json]])
    documents: Mapping[UUID, Mapping[str, Json]] = field(default_factory=dict[UUID, Mapping[str, Json]])
    deletes: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedIndex:
    """The index behind an alias: its physical name, its spec, the metadata fields that filters may name, its points."""

    physical: str
    spec: IndexSpec
    fields: Mapping[str, FieldType]
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What one look found: for each list, scores by point id.

    ``term_tops`` holds, for each query term in order, the best score that this term alone reaches; 0 for none.
    """

    dense: Mapping[str, float]
    sparse: Mapping[str, float]
    term_tops: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPoints:
    """Points as they were read: payloads by point id, and their scores for the vectors that were given."""

    dense: Mapping[str, float]
    sparse: Mapping[str, float]
    payloads: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPoint:
    """A point as it is; ``document_id`` is None where its payload names no document.

    ``dense`` and ``sparse`` are None where vectors were not asked for, or where the point has none.
    """

    point_id: str
    document_id: UUID | None
    payload: Mapping[str, Json]
    dense: Sequence[float] | None = None
    sparse: SparseVector | None = None


class IndexWriter(Protocol):
    """The writer's side; every call waits until its change is applied and can be repeated safely."""

    def ensure(self, collection: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> str:
        """Return the physical index that serves ``collection``, made by now if there was none.

        Raises ``ConfigurationError`` when an index with another spec serves the collection already.
        """
        ...

    def spec_of(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical index behind the collection's alias and the spec stored in it, or None without one."""
        ...

    def points_of(self, physical: str, documents: Sequence[UUID]) -> dict[UUID, dict[UUID, PointState]]:
        """Return what the index holds now of each document (an empty dict for none)."""
        ...

    def apply(self, physical: str, write: IndexWrite) -> None:
        """Write a change; whatever moment it dies at, the index holds old text or both, never nothing."""
        ...

    def delete_documents(self, physical: str, documents: Sequence[UUID]) -> None:
        """Delete every point of these documents, whatever they are."""
        ...


class IndexMaker(Protocol):
    """An index made anew, apart from its readers: they are sent to it when it is whole."""

    def drop(self, collection: str, physical: str) -> None:
        """Take a collection's alias away, then drop the physical index; what is not there is fine."""
        ...

    def make(self, physical: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> None:
        """Make a physical index that nobody is sent to, unless it is there."""
        ...

    def serve(self, collection: str, physical: str) -> None:
        """Send the collection's readers to a physical index."""
        ...


class IndexSearcher(Protocol):
    """The reader's side; threads may share it."""

    def collections(self) -> list[str]:
        """Return the names of the collections that have an index, sorted; raises ``DependencyUnavailable``."""
        ...

    def served(self, collection: str, *, fresh: bool = False) -> ServedIndex:
        """Return what the alias ``collection`` serves, looked up now if ``fresh``; raises ``UnknownCollection``."""
        ...

    def candidates(
        self,
        index: ServedIndex,
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
        limit: int = 100,
    ) -> Candidates:
        """Return the ``limit`` best points of each list; a list that is ``None`` is not asked.

        ``groups`` is whose eyes to look through (``None``: all rights); everyone's documents are always included. Each
        query term is also asked alone under the same rights but without the conditions, because the bound of a question
        must not depend on how it is narrowed. Raises ``IndexGone`` when the index was dropped since it was looked up.
        """
        ...

    def read(
        self,
        index: ServedIndex,
        points: Sequence[str],
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
    ) -> ReadPoints:
        """Return these points with their payloads and their true scores for each vector that is given.

        ``groups`` and ``conditions`` as of ``candidates``: what they do not let through, or is gone by now, is left
        out. A list of candidates ends where its limit cuts it; these scores depend on the question and the point
        alone. Points that share no word with the question have no sparse score. Raises ``IndexGone`` when the index
        was dropped since it was looked up.
        """
        ...

    def points_of_documents(
        self, index: ServedIndex, document_ids: Sequence[UUID], *, groups: Sequence[str] | None
    ) -> Mapping[UUID, int]:
        """Return how many points the index holds of each of these documents that the groups may see.

        ``groups`` as of ``candidates``. A document without points, or that they may not see, is left out.
        """
        ...

    def chunks_of_document(
        self, index: ServedIndex, document_id: UUID, *, first: int, last: int, groups: Sequence[str] | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return the payloads of a document's chunks ``first`` to ``last`` (ordinals, both included) in their order.

        ``groups`` as of ``candidates``. None for a document without such chunks, or that they may not see.
        """
        ...


class IndexInspector(Protocol):
    """What an index really holds, for checks: whole payloads, not the keys by which writers remember them."""

    def points_of(self, physical: str, documents: Sequence[UUID], *, vectors: bool = False) -> Iterator[HeldPoint]:
        """Yield every point of these documents with its place, its document's keys, its embedding key, its vectors."""
        ...

    def every_point(self, physical: str) -> Iterator[list[HeldPoint]]:
        """Yield all points of an index page by page, with nothing but the document that each belongs to."""
        ...


class VectorStore(Protocol):
    """One connection to a store of vectors; what it gives shares it and ends with ``close``."""

    @property
    def name(self) -> str:
        """What the store is called in errors, in ``/readyz`` and by ``RAG_VECTORS``."""
        ...

    def writer(self) -> IndexWriter:
        """Return the writer's side."""
        ...

    def searcher(self) -> IndexSearcher:
        """Return the reader's side."""
        ...

    def inspector(self) -> IndexInspector:
        """Return what checks look through."""
        ...

    def maker(self) -> IndexMaker:
        """Return what makes an index anew."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def stored_spec(physical: str, stored: object) -> IndexSpec:
    """Read the spec that rests beside an index; raises ``ConfigurationError`` where there is none of ours."""
    try:
        return IndexSpec.from_json(stored)  # pyright: ignore[reportArgumentType] - whatever it is, it is read or refused
    except TypeError as error:
        raise ConfigurationError(
            f"The index {physical} does not say what its vectors are made of.",
            remedy="It was not made by this platform or by another version of it; remove its alias.",
        ) from error


def refuse_other_spec(collection: str, physical: str, active: IndexSpec, wanted: IndexSpec) -> None:
    """Return when both specs are one; raises ``ConfigurationError`` that names what differs."""
    if active == wanted:
        return
    before, after = active.to_json(), wanted.to_json()
    differing = ", ".join(f"{key} {before[key]!r} -> {after[key]!r}" for key in before if before[key] != after[key])
    raise ConfigurationError(
        f"{physical} serves collection {collection} with another spec: {differing}.",
        remedy="The old index keeps serving and ingesting; take the change back in the YAML.",
    )
