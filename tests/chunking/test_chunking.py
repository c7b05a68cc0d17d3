"""Chunks quote the document exactly, stay within their limits, and an edit re-cuts only its neighbourhood."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.chunking import chunk_document, embedding_text
from rag_core.chunking.measuring import token_starts
from rag_core.collection import Chunking
from rag_core.parsed import Block, Heading, PageSpan, ParsedDocument


class Words:
    """A tokenizer whose tokens are words of at most four letters, and signs."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w{1,4}|[^\w\s]", text)]


SPEC = Chunking(min_tokens=20, max_tokens=60)
WORDS = Words()


def tokens(text: str) -> int:
    return len(WORDS.offsets(text))


def document(text: str, **more: object) -> ParsedDocument:
    return ParsedDocument(text=text, title="T", media_type="text/plain", parser="p/1", **more)  # type: ignore[arg-type]


def headed(text: str) -> ParsedDocument:
    found = re.finditer(r"^(#+) (.+)$", text, re.MULTILINE)
    headings = [Heading(level=len(m[1]), text=m[2], start=m.start(), end=m.end()) for m in found]
    return document(text, headings=tuple(headings))


def sentences(number: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    words = [f"{a}{b}" for a in ("ba", "ke", "lo", "mi", "tu", "so") for b in ("ck", "ring", "st", "ne", "ver", "la")]
    return [" ".join(rng.choices(words, k=rng.randint(4, 18))).capitalize() + "." for _ in range(number)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab. !?\n#x。", max_size=60), max_size=30).map("\n".join), st.sampled_from([0, 10]))
def test_spans_are_exact_within_limits_and_cover_all_text(text: str, overlap: int) -> None:
    spec = Chunking(min_tokens=8, max_tokens=32, overlap_tokens=overlap)
    parsed = headed(text)
    chunks = chunk_document(parsed, spec, WORDS)
    covered = [False] * len(text)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text != ""
        assert tokens(chunk.text) <= spec.max_tokens
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    if tokens(text):
        assert all(done or letter.isspace() for done, letter in zip(covered, text, strict=True))
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert chunks == chunk_document(parsed, spec, WORDS)


def test_a_heading_starts_a_chunk_and_names_those_below() -> None:
    body = " ".join(sentences(6, 1))
    parsed = headed(f"# Guide\n\n{body}\n\n## Backups\n\n{body}\n\n# Other\n\n{body}")
    chunks = chunk_document(parsed, SPEC, WORDS)
    assert [c.heading_path for c in chunks if c.text.startswith("#")] == [("Guide",), ("Guide", "Backups"), ("Other",)]


def test_small_sections_come_together_and_an_introduction_stays_with_its_subsection() -> None:
    parsed = headed("# Guide\n\n## A\n\nOne.\n\n## B\n\nTwo.\n\n## C\n\nThree.")
    assert len(chunk_document(parsed, SPEC, WORDS)) == 1


def test_equal_texts_are_told_apart_by_occurrence() -> None:
    body = " ".join(sentences(5, 2))
    chunks = chunk_document(headed(f"# A\n{body}\n# A\n{body}"), Chunking(min_tokens=20, max_tokens=400), WORDS)
    assert [chunk.occurrence for chunk in chunks] == [0, 1]


def test_a_code_block_that_fits_is_not_cut() -> None:
    prose = " ".join(sentences(8, 3))
    code = "\n\n".join(f"call({n});" for n in range(8))
    text = f"{prose}\n\n{code}\n\n{prose}"
    start = text.index(code)
    parsed = document(text, blocks=(Block(kind="code", start=start, end=start + len(code)),))
    cuts = [chunk.start for chunk in chunk_document(parsed, SPEC, WORDS)]
    assert not [cut for cut in cuts if start < cut < start + len(code)]


def test_pages_are_those_the_span_lies_on() -> None:
    first, second = " ".join(sentences(3, 4)), " ".join(sentences(3, 5))
    text = f"{first} {second}"
    pages = (PageSpan(number=1, start=0, end=len(first)), PageSpan(number=2, start=len(first) + 1, end=len(text)))
    chunks = chunk_document(document(text, pages=pages), SPEC, WORDS)
    for chunk in chunks:
        assert chunk.first_page == (1 if chunk.start < len(first) else 2)
        assert chunk.last_page == (1 if chunk.end <= len(first) else 2)


def test_an_overlap_repeats_the_end_of_the_chunk_before() -> None:
    text = " ".join(sentences(30, 6))
    chunks = chunk_document(document(text), Chunking(min_tokens=20, max_tokens=60, overlap_tokens=20), WORDS)
    assert sum(later.start < earlier.end for earlier, later in pairwise(chunks)) > len(chunks) / 2


def test_one_edited_sentence_changes_few_chunks_however_long_the_document_is() -> None:
    rng = random.Random(7)
    original = sentences(1500, 8)
    before = Counter(chunk.text for chunk in chunk_document(document(" ".join(original)), SPEC, WORDS))
    made = []
    for turn in range(100):
        edited = list(original)
        at = rng.randrange(len(edited))
        if turn % 3 == 0:
            edited.insert(at, "Quite another thought stands here now.")
        elif turn % 3 == 1:
            del edited[at]
        else:
            edited[at] = "Changed " + edited[at]
        after = Counter(chunk.text for chunk in chunk_document(document(" ".join(edited)), SPEC, WORDS))
        made.append((after - before).total())
    made.sort()
    assert made[50] <= 1
    assert made[95] <= 4


def test_context_stands_before_the_text_and_is_bounded() -> None:
    seen = embedding_text(title="Guide", heading_path=("Guide", "Backups"), text="Kept.", context="title+headings")
    assert seen == "Guide\nGuide > Backups\nKept."
    assert embedding_text(title="Guide", heading_path=(), text="Kept.", context="none") == "Kept."
    assert len(embedding_text(title="x" * 9999, heading_path=("y" * 9999,), text="", context="title+headings")) < 400


class Vocabulary(Words):
    """A tokenizer for which a word it does not know is one token, however long."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]


def test_words_and_gaps_without_end_make_no_chunk_without_end() -> None:
    text = f"Before. {'QUJD' * 50_000} between. {' ' * 100_000}After. " + "x" * 70_000
    chunks = chunk_document(document(text), SPEC, Vocabulary())
    assert max(len(chunk.text) for chunk in chunks) <= SPEC.max_tokens * 48
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())


def test_long_texts_are_measured_in_pieces_as_if_in_one() -> None:
    text = " ".join(sentences(2500, 9))
    assert len(text) > 2 * 65_536
    assert list(token_starts(text, WORDS)) == [start for start, _ in WORDS.offsets(text)]


def test_a_code_block_behind_a_short_paragraph_stays_whole() -> None:
    prose, code = "Type what follows, all of it, as it stands here.", "\n".join(f"call({n});" for n in range(11))
    text = f"{prose}\n\n{code}\n\n{' '.join(sentences(20, 10))}"
    start = text.index(code)
    assert tokens(prose) < SPEC.min_tokens
    assert tokens(code) <= SPEC.max_tokens < tokens(prose) + tokens(code)
    parsed = document(text, blocks=(Block(kind="code", start=start, end=start + len(code)),))
    assert not [c for c in chunk_document(parsed, SPEC, WORDS) if start < c.start < start + len(code)]
