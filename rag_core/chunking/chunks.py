"""From a parsed document to its chunks: regions at headings, cuts within them, spans, pages and heading paths."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.chunking.boundaries import boundaries_of
from rag_core.chunking.cutting import Ruler, cuts_within, starts_word
from rag_core.chunking.measuring import RESERVED_TOKENS, ModelTokens, token_starts
from rag_core.collection import Chunking
from rag_core.parsed import Heading, PageSpan, ParsedDocument

CHUNKER_VERSION = "chunker/2"


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
class _Span:
    """A chunk's characters; ``own`` is where it begins without what it repeats of the chunk before."""

    start: int
    own: int
    end: int


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    end: int
    path: tuple[str, ...]
    level: int


def chunk_document(parsed: ParsedDocument, spec: Chunking, model: ModelTokens) -> tuple[Chunk, ...]:
    """Return the chunks of a document in order; together they hold all of its text but blank space.

    Lengths are in the model's tokens (see ``measuring``); one pass tokenizes the whole text. No chunk is longer than
    what the model sees, whatever ``max_tokens`` says. With ``overlap_tokens`` a chunk also repeats the end of the one
    before it, and still has at most ``max_tokens``; where it is cut stays the same.
    """
    boundaries = boundaries_of(parsed.text, parsed.headings, parsed.blocks)
    ruler = Ruler(
        text=parsed.text,
        token_starts=token_starts(parsed.text, model),
        boundaries=boundaries,
        boundary_places=[boundary.at for boundary in boundaries],
        blocks=sorted((block.start, block.end) for block in parsed.blocks),
    )
    sections = _sections(parsed.text, parsed.headings)
    most = min(spec.max_tokens, model.max_tokens - RESERVED_TOKENS)
    overlap = min(spec.overlap_tokens, most // 2)
    highest = most - overlap
    lowest = min(spec.min_tokens, highest // 2)
    spans: list[_Span] = []
    for start, end in _regions(sections, ruler, smallest=lowest):
        cuts = cuts_within(ruler, start, end, lowest=lowest, highest=highest)
        for cut, following in zip(cuts, [*cuts[1:], end], strict=True):
            first, last = _trimmed(parsed.text, _overlapped(ruler, cut, start, overlap), following)
            spans.append(_Span(first, max(cut, first), last))
    return tuple(_described(parsed, sections, [span for span in spans if span.own < span.end]))


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


def _overlapped(ruler: Ruler, cut: int, region_start: int, overlap: int) -> int:
    """Return where a chunk begins that repeats up to ``overlap`` tokens of what stands before ``cut``.

    That is at the best kind of boundary among them, else at a word: what is repeated reads well and is found again
    after an edit elsewhere.
    """
    if not overlap or cut == region_start:
        return cut
    index = bisect_right(ruler.token_starts, cut - 1) - overlap
    earliest = max(region_start, ruler.token_starts[max(index, 0)])
    first = bisect_right(ruler.boundary_places, earliest - 1)
    inner = ruler.boundaries[first : bisect_right(ruler.boundary_places, cut - 1)]
    if inner:
        return min(inner, key=lambda boundary: (boundary.level, boundary.at)).at
    words = ruler.token_starts[max(index, 0) : bisect_right(ruler.token_starts, cut - 1)]
    return next((place for place in words if place >= earliest and starts_word(ruler.text, place)), cut)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _described(parsed: ParsedDocument, sections: Sequence[_Section], spans: Sequence[_Span]) -> Iterator[Chunk]:
    section_starts = [section.start for section in sections]
    page_starts = [page.start for page in parsed.pages]
    seen: dict[str, int] = {}
    for ordinal, span in enumerate(spans):
        start, end = span.start, span.end
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
            heading_path=sections[max(bisect_right(section_starts, span.own) - 1, 0)].path,
        )


def _page(pages: Sequence[PageSpan], starts: Sequence[int], at: int) -> int | None:
    return pages[max(bisect_right(starts, at) - 1, 0)].number if pages else None
