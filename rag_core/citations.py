"""Citations: a found point as a passage that says where it stands and where its vector comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from rag_core.anchors import Unit, unit_of
from rag_core.fusion import Ranked
from rag_core.identity import Json, sha256_hex
from rag_core.index_spec import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a chunk stands: its document and ``text[start:end]`` of it, pages (or what ``unit`` says) from 1."""

    document_id: str
    uri: str
    title: str
    version: str
    start: int
    end: int
    first_page: int | None
    last_page: int | None
    heading_path: tuple[str, ...]
    unit: Unit = "page"
    ordinal: int = 0
    """The chunk's number in its document, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedText:
    """A chunk as the index holds it: its text and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which arrival and run made the vector, by what, and which looked at it last."""

    made_by_arrival: int | None
    made_by_run: str
    made_at: str
    confirmed_by_arrival: int | None
    confirmed_by_run: str
    model: str
    parser: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk that was found, with its score; ``also_at`` are places with the very same text, in order of score."""

    point_id: str
    text: str
    place: Place
    media_type: str
    metadata: Mapping[str, Json]
    score: float
    dense: float | None
    sparse: float | None
    lineage: Lineage
    also_at: tuple[Place, ...] = ()


def distinct_passages(
    ranked: Iterable[Ranked], payloads: Mapping[str, Mapping[str, Any]], *, limit: int, max_places: int = 20
) -> list[Passage]:
    """Return the best ``limit`` passages; an equal text comes once, with up to ``max_places`` other places."""
    found: dict[str, Passage] = {}
    for each in ranked:
        payload = payloads[each.point_id]
        text = _string(payload, Payload.TEXT)
        key = sha256_hex(text)
        first = found.get(key)
        if first is None:
            if len(found) < limit:
                found[key] = _passage(each, text, payload)
        elif len(first.also_at) < max_places:
            found[key] = replace(first, also_at=(*first.also_at, _place(payload)))
    return list(found.values())


def placed_texts(payloads: Iterable[Mapping[str, Any]]) -> list[PlacedText]:
    """Return the payloads as texts with their places, in their order."""
    return [PlacedText(text=_string(payload, Payload.TEXT), place=_place(payload)) for payload in payloads]


def _passage(ranked: Ranked, text: str, payload: Mapping[str, Any]) -> Passage:
    metadata = payload.get(Payload.METADATA)
    return Passage(
        point_id=ranked.point_id,
        text=text,
        place=_place(payload),
        media_type=_string(payload, Payload.MEDIA_TYPE),
        metadata=cast("Mapping[str, Json]", metadata) if isinstance(metadata, dict) else {},
        score=ranked.score,
        dense=ranked.dense,
        sparse=ranked.sparse,
        lineage=Lineage(
            made_by_arrival=_number(payload, Payload.MADE_BY_ARRIVAL),
            made_by_run=_string(payload, Payload.MADE_BY_RUN),
            made_at=_string(payload, Payload.MADE_AT),
            confirmed_by_arrival=_number(payload, Payload.CONFIRMED_BY_ARRIVAL),
            confirmed_by_run=_string(payload, Payload.CONFIRMED_BY_RUN),
            model=_string(payload, Payload.MODEL),
            parser=_string(payload, Payload.PARSER),
            code_version=_string(payload, Payload.CODE_VERSION),
        ),
    )


def _place(payload: Mapping[str, Any]) -> Place:
    headings = payload.get(Payload.HEADING_PATH) or ()
    return Place(
        document_id=_string(payload, Payload.DOCUMENT_ID),
        uri=_string(payload, Payload.URI),
        title=_string(payload, Payload.TITLE),
        version=_string(payload, Payload.VERSION),
        start=_number(payload, Payload.START) or 0,
        end=_number(payload, Payload.END) or 0,
        first_page=_number(payload, Payload.FIRST_PAGE),
        last_page=_number(payload, Payload.LAST_PAGE),
        heading_path=tuple(str(heading) for heading in headings),
        unit=unit_of(_string(payload, Payload.MEDIA_TYPE)),
        ordinal=_number(payload, Payload.ORDINAL) or 0,
    )


def _string(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _number(payload: Mapping[str, Any], key: str) -> int | None:
    value = payload.get(key)
    return value if isinstance(value, int) else None
