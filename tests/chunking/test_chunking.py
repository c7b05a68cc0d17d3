"""Chunks quote the document exactly, stay within their limits, and an edit re-cuts only its neighbourhood."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.chunking import chunk_document, embedding_text
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
