"""Code and tables stay whole where they fit, and are cut between rows or parts where they do not."""

import pytest

from rag_core.chunking import chunk_document
from rag_core.collection import Chunking
from rag_core.parsed import Block
from tests.chunking.test_chunking import SPEC, WORDS, document, sentences, tokens


def cuts_of(text: str, block: str, kind: str) -> tuple[list[int], int]:
    """Return where chunks begin inside the block, and where the block begins."""
    start = text.index(block)
    parsed = document(text, blocks=(Block(kind=kind, start=start, end=start + len(block)),))  # type: ignore[arg-type]
    chunks = chunk_document(parsed, SPEC, WORDS)
    assert max(tokens(chunk.text) for chunk in chunks) <= SPEC.max_tokens
    return [chunk.start for chunk in chunks if start < chunk.start < start + len(block)], start


@pytest.mark.parametrize("before", range(0, 60, 3))
@pytest.mark.parametrize("after", [0, 1, 4, 30])
def test_a_block_that_fits_is_never_cut_wherever_it_stands(before: int, after: int) -> None:
    code = "\n\n".join(f"call({n}); // Then. Next" for n in range(6))
    assert tokens(code) <= SPEC.max_tokens
    head, tail = " ".join(["word"] * before) + ".", " ".join(sentences(after, 3))
    assert cuts_of(f"{head}\n\n{code}\n\n{tail}", code, "code")[0] == []


def test_a_table_that_does_not_fit_is_cut_between_rows() -> None:
    rows = [f"| Part {n} | It is no. {n}. Kept! Sold? | {n * 7} |" for n in range(40)]
    table = "\n".join(rows)
    inside, start = cuts_of(f"{' '.join(sentences(3, 1))}\n\n{table}\n\n{' '.join(sentences(3, 2))}", table, "table")
    assert len(inside) > 5
    assert all(table[at - start - 1] == "\n" for at in inside)


def test_a_row_longer_than_a_chunk_is_cut_at_its_sentences() -> None:
    row = "| " + " ".join(sentences(20, 4)) + " |"
    table = "\n".join(["| a | b |", row, "| c | d |"])
    inside, start = cuts_of(table, table, "table")
    assert inside
    assert all(table[at - start - 2 : at - start] in {". ", "|\n"} for at in inside)


def test_code_that_does_not_fit_is_cut_at_blank_lines() -> None:
    parts = ["\n".join([f"def f{n}(x):", "    y = x. Next", f"    return y + {n}"]) for n in range(30)]
    code = "\n\n".join(parts)
    inside, start = cuts_of(code, code, "code")
    assert len(inside) > 5
    assert all(code[at - start - 2 : at - start] == "\n\n" for at in inside)


def test_a_code_block_behind_a_short_paragraph_stays_whole() -> None:
    prose, code = "Type what follows, all of it, as it stands here.", "\n".join(f"call({n});" for n in range(11))
    assert tokens(prose) < SPEC.min_tokens
    assert tokens(code) <= SPEC.max_tokens < tokens(prose) + tokens(code)
    assert cuts_of(f"{prose}\n\n{code}\n\n{' '.join(sentences(20, 10))}", code, "code")[0] == []


def test_an_edited_row_changes_few_chunks_of_a_long_table() -> None:
    rows = [f"| Part {n} | {n * 7919 % 1009} | {n * 104729 % 9973} |" for n in range(300)]

    def chunked(rows: list[str]) -> set[str]:
        text = "\n".join(rows)
        parsed = document(text, blocks=(Block(kind="table", start=0, end=len(text)),))
        return {chunk.text for chunk in chunk_document(parsed, Chunking(min_tokens=20, max_tokens=60), WORDS)}

    before = chunked(rows)
    assert len(chunked([*rows[:150], "| New | 1 | 2 |", *rows[150:]]) - before) <= 4
    assert len(chunked([*rows[:20], *rows[21:]]) - before) <= 4
