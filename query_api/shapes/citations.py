"""A citation: what is quoted, where it stands, how it scored, and where its vector comes from."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from query_api.links import Links
from rag_core.anchors import Unit, named
from rag_core.citations import Lineage, Passage, Place, PlacedText


class Pages(BaseModel):
    """First and last page, from 1."""

    first: int
    last: int


class Anchor(BaseModel):
    """Where in its own format a text stands: the pages, slides, sheets, chapters or lines, from 1."""

    unit: Unit
    first: int
    last: int
    name: str = Field(description='In words: "page 3", "lines 10–14", "sheet Ports".')


class Span(BaseModel):
    """``text[start:end]`` of the document's text, in characters."""

    start: int
    end: int


class PlaceShape(BaseModel):
    """Where a text stands."""

    document_id: str
    title: str
    uri: str
    version: str
    pages: Pages | None = Field(description="Pages, of documents that have pages.")
    anchor: Anchor | None = Field(description="Pages, slides, sheets, chapters or lines; null where there are none.")
    span: Span
    heading_path: list[str]
    ordinal: int = Field(
        description="The chunk's number in its document, from 0; GET /v1/documents/{id}/chunks shows those around it."
    )


class ByRun(BaseModel):
    """An arrival and the Dagster run that worked on it."""

    arrival: int | None = Field(description="The arrival's number in its collection.")
    run_id: str
    run_url: str | None = Field(description="The run's page in Dagster, where a webserver is known.")


class LineageShape(BaseModel):
    """Which arrival and run made the vector, which confirmed it last, and by what."""

    made_by: ByRun
    made_at: str
    confirmed_by: ByRun
    model: str
    parser: str
    code_version: str


class Scores(BaseModel):
    """The score of each list; null where a list does not have the passage."""

    dense: float | None = Field(description="Cosine of question and passage.")
    sparse: float | None = Field(description="BM25.")


class Citation(PlaceShape):
    """A passage that was found."""

    number: int = Field(description="Its number in this answer, from 1.")
    text: str = Field(description="The chunk's text, word for word as it was indexed.")
    media_type: str
    metadata: dict[str, Any]
    score: float = Field(description="Fused score; with the bounded sum in [0, 1] and comparable between questions.")
    scores: Scores
    lineage: LineageShape
    also_at: list[PlaceShape] = Field(description="Other places with the very same text.")


class ChunkShape(PlaceShape):
    """A chunk of a document, in the document's order."""

    text: str = Field(description="Word for word as it was indexed.")


class DocumentChunks(BaseModel):
    """Neighbouring chunks of a document, as many of them as the index holds."""

    document_id: UUID
    chunks: list[ChunkShape]
    total: int = Field(description="How many chunks the version that was indexed last has.")


def chunk_of(placed: PlacedText) -> ChunkShape:
    """Return a chunk as it is shown."""
    return ChunkShape(text=placed.text, **_place(placed.place))


def citations_of(passages: "list[Passage] | tuple[Passage, ...]", links: Links) -> list[Citation]:
    """Return passages as numbered citations."""
    return [citation_of(number, passage, links) for number, passage in enumerate(passages, start=1)]


def citation_of(number: int, passage: Passage, links: Links) -> Citation:
    """Return a passage as the citation of that number."""
    metadata: Mapping[str, Any] = passage.metadata
    return Citation(
        number=number,
        text=passage.text,
        media_type=passage.media_type,
        metadata=dict(metadata),
        score=round(passage.score, 6),
        scores=Scores(dense=passage.dense, sparse=passage.sparse),
        lineage=_lineage(passage.lineage, links),
        also_at=[PlaceShape(**_place(place)) for place in passage.also_at],
        **_place(passage.place),
    )


def _lineage(lineage: Lineage, links: Links) -> LineageShape:
    def by(arrival: int | None, run_id: str) -> ByRun:
        return ByRun(arrival=arrival, run_id=run_id, run_url=links.run(run_id))

    return LineageShape(
        made_by=by(lineage.made_by_arrival, lineage.made_by_run),
        made_at=lineage.made_at,
        confirmed_by=by(lineage.confirmed_by_arrival, lineage.confirmed_by_run),
        model=lineage.model,
        parser=lineage.parser,
        code_version=lineage.code_version,
    )


def _place(place: Place) -> dict[str, Any]:
    anchor = _anchor(place)
    return {
        "document_id": place.document_id,
        "title": place.title,
        "uri": place.uri,
        "version": place.version,
        "pages": Pages(first=anchor.first, last=anchor.last) if anchor and anchor.unit == "page" else None,
        "anchor": anchor,
        "span": Span(start=place.start, end=place.end),
        "heading_path": list(place.heading_path),
        "ordinal": place.ordinal,
    }


def _anchor(place: Place) -> Anchor | None:
    first = place.first_page
    if first is None:
        return None
    last = first if place.last_page is None else place.last_page
    return Anchor(unit=place.unit, first=first, last=last, name=named(place.unit, first, last, place.heading_path))
