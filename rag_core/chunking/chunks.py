"""From a parsed document to its chunks: regions at headings, cuts within them, spans, pages and heading paths."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.chunking.boundaries import boundaries_of
from rag_core.chunking.cutting import Ruler, cuts_within
from rag_core.chunking.measuring import TokenOffsets, token_starts
from rag_core.collection import Chunking
from rag_core.parsed import Heading, PageSpan, ParsedDocument

CHUNKER_VERSION = "chunker/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage: ``text`` is ``document.text[start:end]``.

    ``ordinal`` counts the document's chunks from 0, ``occurrence`` those of equal text; pages are None without pages.
    """

    text: str
    start: int
    end: int
    ordinal: int
    occurrence: int
    first_page: int | None
    last_page: int | None
    heading_path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    end: int
    path: tuple[str, ...]
    level: int


def chunk_document(parsed: ParsedDocument, spec: Chunking, tokenizer: TokenOffsets) -> tuple[Chunk, ...]:
    """Return the chunks of a document in order; together they hold all of its text but blank space.

    Lengths are in the tokenizer's tokens (see ``measuring``); one pass tokenizes the whole text. With
    ``overlap_tokens`` a chunk also repeats the end of the one before it, and still has at most ``max_tokens``.
    """
    boundaries = boundaries_of(parsed.text, parsed.headings, parsed.blocks)
    ruler = Ruler(
        text=parsed.text,
        token_starts=token_starts(parsed.text, tokenizer),
        boundaries=boundaries,
        boundary_places=[boundary.at for boundary in boundaries],
        blocks=sorted((block.start, block.end) for block in parsed.blocks),
    )
    sections = _sections(parsed.text, parsed.headings)
    highest = spec.max_tokens - spec.overlap_tokens
    lowest = min(spec.min_tokens, highest // 2)
    spans: list[tuple[int, int]] = []
    for start, end in _regions(sections, ruler, smallest=lowest):
        cuts = cuts_within(ruler, start, end, lowest=lowest, highest=highest)
        inner = [_overlapped(ruler, cut, start, spec.overlap_tokens) for cut in cuts]
        spans += [_trimmed(parsed.text, a, b) for a, b in zip(inner, [*cuts[1:], end], strict=True)]
    return tuple(_described(parsed, sections, [(a, b) for a, b in spans if a < b]))


def _sections(text: str, headings: Sequence[Heading]) -> list[_Section]:
    """Return the stretches between headings; the first may have none."""
    sections: list[_Section] = []
    stack: list[Heading] = []
    start = 0
    ordered = sorted(headings, key=lambda heading: heading.start)
    for heading in ordered:
        if heading.start > start:
            sections.append(_section(start, heading.start, stack))
        while stack and stack[-1].level >= heading.level:
            stack.pop()
        stack.append(heading)
        start = heading.start
    sections.append(_section(start, len(text), stack))
    return sections


def _section(start: int, end: int, stack: Sequence[Heading]) -> _Section:
    return _Section(start, end, tuple(heading.text for heading in stack), stack[-1].level if stack else 0)


def _regions(sections: Sequence[_Section], ruler: Ruler, *, smallest: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches to cut: a small section joins its small neighbours, or the subsection that it introduces."""
    open_start: int | None = None
    previous: _Section | None = None
    for section in sections:
        small = ruler.tokens(section.start, section.end) < smallest
        joins = previous is not None and (section.level > previous.level or (small and section.level >= previous.level))
        if open_start is not None and previous is not None and not joins:
            yield open_start, previous.end
            open_start = None
        if open_start is None:
            open_start = section.start
        previous = section
        if not small:
            yield open_start, section.end
            open_start, previous = None, None
    if open_start is not None and previous is not None:
        yield open_start, previous.end


def _overlapped(ruler: Ruler, cut: int, region_start: int, overlap_tokens: int) -> int:
    """Return where a chunk begins that repeats up to ``overlap_tokens`` of what stands before ``cut``."""
    if not overlap_tokens or cut == region_start:
        return cut
    index = bisect_right(ruler.token_starts, cut - 1) - overlap_tokens
    earliest = max(region_start, ruler.token_starts[max(index, 0)])
    place = bisect_right(ruler.boundary_places, earliest - 1)
    if place < len(ruler.boundary_places) and ruler.boundary_places[place] < cut:
        return ruler.boundary_places[place]
    return earliest


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _described(
    parsed: ParsedDocument, sections: Sequence[_Section], spans: Sequence[tuple[int, int]]
) -> Iterator[Chunk]:
    section_starts = [section.start for section in sections]
    page_starts = [page.start for page in parsed.pages]
    seen: dict[str, int] = {}
    for ordinal, (start, end) in enumerate(spans):
        text = parsed.text[start:end]
        occurrence = seen.get(text, 0)
        seen[text] = occurrence + 1
        yield Chunk(
            text=text,
            start=start,
            end=end,
            ordinal=ordinal,
            occurrence=occurrence,
            first_page=_page(parsed.pages, page_starts, start),
            last_page=_page(parsed.pages, page_starts, end - 1),
            heading_path=sections[max(bisect_right(section_starts, start) - 1, 0)].path,
        )


def _page(pages: Sequence[PageSpan], starts: Sequence[int], at: int) -> int | None:
    return pages[max(bisect_right(starts, at) - 1, 0)].number if pages else None
