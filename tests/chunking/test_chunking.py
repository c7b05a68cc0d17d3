"""Chunks quote the document exactly, stay within their limits, and an edit re-cuts only its neighbourhood."""

import random
import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.chunking import chunk_document
from rag_core.chunking.measuring import token_starts
from rag_core.collection import Chunking
from rag_core.parsed import Heading, PageSpan, ParsedDocument


class Words:
    """A model whose tokens are words of at most four letters, and signs."""

    max_tokens = 512

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


def test_pages_are_those_the_span_lies_on() -> None:
    first, second = " ".join(sentences(3, 4)), " ".join(sentences(3, 5))
    text = f"{first} {second}"
    pages = (PageSpan(number=1, start=0, end=len(first)), PageSpan(number=2, start=len(first) + 1, end=len(text)))
    chunks = chunk_document(document(text, pages=pages), SPEC, WORDS)
    for chunk in chunks:
        assert chunk.first_page == (1 if chunk.start < len(first) else 2)
        assert chunk.last_page == (1 if chunk.end <= len(first) else 2)


def test_an_overlap_repeats_the_end_of_the_chunk_before_and_moves_no_cut() -> None:
    text = " ".join(sentences(30, 6))
    spec = Chunking(min_tokens=20, max_tokens=60, overlap_tokens=20)
    chunks = chunk_document(document(text), spec, WORDS)
    plain = chunk_document(document(text), Chunking(min_tokens=20, max_tokens=40), WORDS)
    assert [chunk.end for chunk in chunks] == [chunk.end for chunk in plain]
    repeated = [earlier.end - later.start for earlier, later in pairwise(chunks)]
    assert sum(length > 0 for length in repeated) > len(chunks) / 2
    assert all(text[chunk.start - 1].isspace() for chunk in chunks[1:])
    assert max(tokens(chunk.text) for chunk in chunks) <= spec.max_tokens


def test_an_overlap_leaves_a_chunk_under_its_own_heading() -> None:
    body = " ".join(sentences(12, 11))
    parsed = headed(f"# A\n\n{body}\n\n# B\n\n{body}")
    spec = Chunking(min_tokens=20, max_tokens=60, overlap_tokens=20)
    second = parsed.text.index("# B")
    for chunk in chunk_document(parsed, spec, WORDS):
        assert chunk.heading_path == (("B",) if chunk.start >= second else ("A",))
        assert not chunk.start < second < chunk.end


def test_a_chunk_is_never_longer_than_what_the_model_sees() -> None:
    class Small(Words):
        max_tokens = 48

    chunks = chunk_document(document(" ".join(sentences(40, 12))), Chunking(min_tokens=60, max_tokens=170), Small())
    assert 20 <= max(tokens(chunk.text) for chunk in chunks) <= 40


def test_text_without_spaces_or_sentences_is_cut_where_its_content_says() -> None:
    class Signs(Words):
        def offsets(self, text: str) -> Sequence[tuple[int, int]]:
            return [(at, at + 1) for at in range(len(text))]

    rng = random.Random(13)
    text = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(3000))
    before = {chunk.text for chunk in chunk_document(document(text), SPEC, Signs())}
    after = {chunk.text for chunk in chunk_document(document("字" + text), SPEC, Signs())}
    assert len(after - before) <= 3


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
