"""What is cited: a passage, where it stands, and where its vector comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """First and last page, from 1."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where in its own format a text stands; ``name`` says it in words."""

    unit: str
    first: int
    last: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """``text[start:end]`` of the document's text, in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a text stands."""

    document_id: str
    title: str
    uri: str
    version: str
    pages: Pages | None
    anchor: Anchor | None
    span: Span
    heading_path: tuple[str, ...]
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRun:
    """An arrival and the Dagster run that worked on it."""

    arrival: int | None
    run_id: str
    run_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which arrival and run made the vector, which confirmed it last, and by what."""

    made_by: ByRun
    made_at: str
    confirmed_by: ByRun
    model: str
    parser: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The score of each list; None where a list does not have the passage."""

    dense: float | None
    sparse: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation(Place):
    """A passage that was found; ``number`` is how an answer calls it."""

    number: int
    text: str
    media_type: str
    metadata: Mapping[str, Any]
    score: float
    scores: Scores
    lineage: Lineage
    also_at: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Place):
    """A chunk of a document, word for word as it was indexed."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChunks:
    """Neighbouring chunks; ``total`` is how many the document has."""

    document_id: str
    chunks: tuple[Chunk, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The passages, best first; an equal text comes once."""

    collection: str
    query: str
    mode: str
    fusion: str
    index: str
    model: str
    results: tuple[Citation, ...]
