"""An edited sentence costs a few vectors however long the document is, and every other citation stays right."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median, quantiles

import pytest

from rag_core.chunking import Chunk, chunk_document, embedding_text
from rag_core.collection import Chunking
from rag_core.identity import document_id, embedding_key, point_id
from rag_core.parsed import Heading, PageSpan, ParsedDocument
from tests.chunking.minilm import MiniLm

EDITS = 100
OWNER = document_id("books", "file:///book.pdf")
WORDS = re.findall(
    r"\w+",
    "river stone market harbour winter engine garden signal copper ledger bridge timber window cabin valley printer "
    "kettle magnet forest anchor carry measure repair follow deliver weigh settle gather compare publish heavy quiet "
    "narrow early broken common distant steady under across between beside after before while because",
)


@dataclass(frozen=True)
class Book:
    """Pages of paragraphs of sentences; a chapter begins on every fifth page."""

    pages: list[list[list[str]]]

    def parsed(self) -> ParsedDocument:
        text, pages, headings = "", list[PageSpan](), list[Heading]()
        pieces: list[str] = []
        at = 0
        for number, page in enumerate(self.pages, start=1):
            begin = at
            if number % 5 == 1:
                title = f"Chapter {number // 5 + 1}"
                headings.append(Heading(level=1, text=title, start=at, end=at + len(title)))
                pieces.append(f"{title}\n\n")
                at += len(pieces[-1])
            pieces.append("\n\n".join(" ".join(sentences) for sentences in page if sentences) + "\n\n")
            at += len(pieces[-1])
            pages.append(PageSpan(number=number, start=begin, end=at))
        text = "".join(pieces)
        return ParsedDocument(
            text=text, title="Book", media_type="text/plain", parser="p/1", pages=tuple(pages), headings=tuple(headings)
        )

    def edited(self, rng: random.Random) -> "Book":
        """Return the book with one sentence inserted, deleted or changed."""
        pages = [[list(sentences) for sentences in page] for page in self.pages]
        paragraph = rng.choice(rng.choice(pages))
        at = rng.randrange(len(paragraph))
        match rng.choice(["insert", "delete", "change"]):
            case "insert":
                paragraph.insert(at, sentence(rng))
            case "delete":
                del paragraph[at]
            case _:
                paragraph[at] = sentence(rng)
        return Book(pages)


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(6, 24))).capitalize() + "."


def written(pages: int, *, seed: int) -> Book:
    rng = random.Random(seed)
    return Book(
        [[[sentence(rng) for _ in range(rng.randint(2, 7))] for _ in range(rng.randint(3, 5))] for _ in range(pages)]
    )


def cut(parsed: ParsedDocument, model: MiniLm, spec: Chunking) -> dict[str, tuple[str, Chunk]]:
    """Return the chunks by the id of their point, each with its embedding key."""
    found: dict[str, tuple[str, Chunk]] = {}
    for chunk in chunk_document(parsed, spec, model):
        seen = embedding_text(
            title=parsed.title, heading_path=chunk.heading_path, text=chunk.text, chunking=spec, model=model
        )
        found[str(point_id(OWNER, chunk.text, chunk.occurrence))] = (embedding_key(seen), chunk)
    return found


def edits(book: Book, model: MiniLm, spec: Chunking) -> Iterator[int]:
    """Yield, for each edit, how many chunks are embedded again, having looked at all citations."""
    before = cut(book.parsed(), model, spec)
    rng = random.Random(4)
    for _ in range(EDITS):
        parsed = book.edited(rng).parsed()
        after = cut(parsed, model, spec)
        page_of = [page.number for page in parsed.pages for _ in range(page.start, page.end)]
        for point, (key, chunk) in after.items():
            assert parsed.text[chunk.start : chunk.end] == chunk.text
            assert (chunk.first_page, chunk.last_page) == (page_of[chunk.start], page_of[chunk.end - 1])
            if point in before and before[point][0] == key:
                assert (chunk.first_page, chunk.last_page) == (before[point][1].first_page, before[point][1].last_page)
        known = {key for key, _ in before.values()}
        yield len({key for key, _ in after.values()} - known)


@pytest.mark.parametrize("pages", [20, 200])
def test_one_edited_sentence_embeds_one_chunk_again_however_long_the_document_is(pages: int) -> None:
    book = written(pages, seed=pages)
    again = list(edits(book, MiniLm(), Chunking()))
    assert len(book.parsed().text) > pages * 1200
    assert median(again) <= 1
    assert quantiles(again, n=20)[18] <= 4
    assert max(again) <= 8


def test_an_overlap_costs_one_more_chunk_and_no_locality() -> None:
    again = list(edits(written(20, seed=5), MiniLm(), Chunking(overlap_tokens=30)))
    assert median(again) <= 2
    assert quantiles(again, n=20)[18] <= 5
