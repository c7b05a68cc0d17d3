"""Sentences of a passage, with their offsets, so that a quotation is the passage's own characters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MIN_WORDS = 3
MAX_CHARACTERS = 600

_BLOCK_END = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+•‣]|\d{1,3}[.)]|#{1,6}|\|)[ \t])|(?<=\|)[ \t]*\n|\n(?=```)")
_ENDED = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”’）]*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|[a-z]\.[a-z]|Mr|Mrs|Ms|Dr|Prof|St|Nr|No|Fig|Figs|Eq|Sec|vs|cf|al|ca|approx|etc|Inc|Ltd|Co|Corp"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.$"
)
_MARKUP = re.compile(r"[ \t]*(?:(?:[-*+•‣]|\d{1,3}[.)]|>)[ \t]+)*")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """``text`` is ``passage[start:end]``; ``is_whole``: it ends like a sentence, not like a heading or a cell."""

    text: str
    start: int
    end: int
    is_whole: bool


def split_sentences(passage: str) -> list[Sentence]:
    """Return the passage's sentences in order, headings and scraps of fewer than three words left out.

    A line break alone ends nothing (PDF lines break anywhere); an empty line, a list item or a table row does. A run
    of text without an end is cut at a space before ``MAX_CHARACTERS``.
    """
    found: list[Sentence] = []
    for block_start, block_end in _blocks(passage):
        if _HEADING.match(passage, block_start, block_end):
            newline = passage.find("\n", block_start, block_end)
            if newline < 0:
                continue
            block_start = newline + 1
        for start, end in _cuts(passage, block_start, block_end):
            sentence = _sentence(passage, start, end)
            if sentence is not None:
                found.append(sentence)
    return found


def words_of(text: str) -> frozenset[str]:
    """Return a text's distinct words, lower case, for comparing sentences."""
    return frozenset(word.casefold() for word in _WORD.findall(text))


def _blocks(passage: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _BLOCK_END.finditer(passage):
        yield start, match.start()
        start = match.end()
    yield start, len(passage)


def _cuts(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _ENDED.finditer(passage, start, end):
        if match.group().startswith(".") and _ABBREVIATION.search(passage[max(start, match.start() - 8) : match.end()]):
            continue
        yield from _bounded(passage, start, match.end())
        start = match.end()
    yield from _bounded(passage, start, end)


def _bounded(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_CHARACTERS:
        space = passage.rfind(" ", start + MAX_CHARACTERS // 2, start + MAX_CHARACTERS)
        cut = space if space > 0 else start + MAX_CHARACTERS
        yield start, cut
        start = cut
    yield start, end


def _sentence(passage: str, start: int, end: int) -> Sentence | None:
    text = passage[start:end]
    start += len(text) - len(text.lstrip())
    end -= len(text) - len(text.rstrip())
    marked = _MARKUP.match(passage, start, max(start, end))
    start = start if marked is None else marked.end()
    text = passage[start:end]
    if len(_WORD.findall(text)) < MIN_WORDS:
        return None
    return Sentence(text=text, start=start, end=end, is_whole=text.rstrip("\"'”’)]*_")[-1:] in ".!?…。！？")
