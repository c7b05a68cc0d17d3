"""Passages for tests of prompts and citations."""

from rag_core.citations import Lineage, Passage, Place


def passage(text: str, *, title: str = "a.md", headings: tuple[str, ...] = (), score: float = 0.9) -> Passage:
    place = Place(
        document_id="d",
        uri="file:///a.md",
        title=title,
        version="v1",
        start=0,
        end=len(text),
        first_page=None,
        last_page=None,
        heading_path=headings,
    )
    lineage = Lineage(
        made_by_arrival=1,
        made_by_run="r",
        made_at="",
        confirmed_by_arrival=1,
        confirmed_by_run="r",
        model="m",
        parser="p",
        code_version="c",
    )
    return Passage(
        point_id="p",
        text=text,
        place=place,
        media_type="text/plain",
        metadata={},
        score=score,
        dense=score,
        sparse=None,
        lineage=lineage,
    )
