"""Citations of a model's answer, checked while it is written: what leaves here names passages that were given.

Three rules, applied to each mark such as ``[2]``, ``[1, 3]`` or ``【4】`` when its bracket closes:

1. A number that names no given passage is taken out.
2. A number whose passage shares no content word with the sentence that it stands behind is taken out: the passage
   cannot be where the sentence comes from, and a reader who follows it wastes their time. The sentence itself stays:
   taking it out of the middle would change what the rest says. Words are compared only where the question shares some
   with the passages (else, in another language, they tell nothing) and the sentence has at least two ("Yes." has not).
3. ``[no answer]`` is taken out and remembered: the model says that the passages do not answer.

An answer that is left without any citation is no answer: whoever asked for it falls back to quotations.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rag_core.analyzer import analyze

MAX_MARK_CHARACTERS = 64
_OPEN, _CLOSE = "[【", "]】"
_NUMBERS = re.compile(
    r"\s*(?:(?:passages?|sources?|no\.|#|\^)\s*)?(\d{1,9}(?:\s*(?:[,;&+–-]|and)\s*#?\d{1,9})*)\s*", re.IGNORECASE
)
_NO_ANSWER = re.compile(r"\s*no[ _-]answer\.?\s*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)]*\s|[。！？]|\n")
_MARK_CHARACTERS = frozenset("0123456789,;&+–-#^")
_MAX_RANGE = 20
_FEWEST_COMPARED = 2
_SENTENCE_WINDOW = 2000
_STOPS = frozenset(".,;:!?")


class Why(StrEnum):
    """Why a citation was taken out."""

    NO_SUCH_PASSAGE = "no-such-passage"
    NO_SHARED_WORD = "no-shared-word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A citation that was taken out."""

    number: int
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswer:
    """A text whose every ``[n]`` names a given passage, those numbers in order of appearance, and what was taken out.

    ``declined``: the model said that the passages do not answer.
    """

    text: str
    citations: tuple[int, ...]
    unsupported: tuple[Unsupported, ...]
    declined: bool


def checked_citations(text: str, passages: Sequence[str], *, question: str = "") -> CheckedAnswer:
    """Return the answer with its citations checked against the passages, which are numbered from 1."""
    checking = CitationCheck(passages, question=question)
    checking.feed(text)
    checking.finish()
    return checking.checked()


class CitationCheck:
    """The same, piece by piece: ``feed`` returns what may leave, however the text is cut into pieces."""

    def __init__(self, passages: Sequence[str], *, question: str = "") -> None:
        self._terms = [frozenset(analyze(passage)) for passage in passages]
        asked = frozenset(analyze(question))
        self._compares = not asked or any(asked & terms for terms in self._terms)
        self._left: list[str] = []
        self._sentence = ""
        self._mark = ""
        self._spaces = ""
        self._took_out = False
        self._since_open: str | None = None
        self._says_something = False
        self._cited: dict[int, None] = {}
        self._unsupported: list[Unsupported] = []
        self._declined = False

    @property
    def is_cited(self) -> bool:
        """Whether the text so far says something and names a passage for it."""
        return bool(self._cited) and self._says_something

    def feed(self, piece: str) -> str:
        """Return what may leave by now; an open bracket, and blanks that a mark may follow, wait for what comes."""
        before = len(self._left)
        for character in piece:
            self._read(character)
        return "".join(self._left[before:])

    def finish(self) -> str:
        """Return what still waited; an open bracket at the end is no citation."""
        before = len(self._left)
        self._let_go()
        self._spaces = ""
        return "".join(self._left[before:])

    def checked(self) -> CheckedAnswer:
        """Return the whole answer as it left."""
        return CheckedAnswer(
            text="".join(self._left),
            citations=tuple(self._cited),
            unsupported=tuple(self._unsupported),
            declined=self._declined,
        )

    def _read(self, character: str) -> None:
        if character in _OPEN:
            self._let_go()
            self._mark = character
        elif not self._mark:
            self._write(character)
        elif character in _CLOSE:
            self._close(self._mark[1:])
        elif character == "\n" or len(self._mark) >= MAX_MARK_CHARACTERS:
            self._let_go()
            self._write(character)
        else:
            self._mark += character

    def _let_go(self) -> None:
        """Write what began like a mark and is none."""
        held, self._mark = self._mark, ""
        for character in held:
            self._write(character)

    def _close(self, inside: str) -> None:
        opened, self._mark = self._mark[:1], ""
        if _NO_ANSWER.fullmatch(inside):
            self._declined = self._took_out = True
            return
        numbers = _NUMBERS.fullmatch(inside)
        if numbers is None:
            for character in f"{opened}{inside}{_CLOSE[_OPEN.index(opened)]}":
                self._write(character)
            return
        for number in _numbers_of(numbers[1]):
            why = self._why_not(number)
            if why is None:
                self._cited[number] = None
                self._put(f"[{number}]")
            else:
                self._took_out = True
                self._unsupported.append(Unsupported(number=number, why=why))

    def _why_not(self, number: int) -> Why | None:
        if not 1 <= number <= len(self._terms):
            return Why.NO_SUCH_PASSAGE
        said = frozenset(analyze(_last_sentence(self._sentence)))
        shares = not self._compares or len(said) < _FEWEST_COMPARED or bool(said & self._terms[number - 1])
        return None if shares else Why.NO_SHARED_WORD

    def _write(self, character: str) -> None:
        self._sentence = (self._sentence + character)[-_SENTENCE_WINDOW:]
        if character.isspace():
            if not (self._took_out and self._spaces and character == " "):
                self._spaces += character
            return
        if character in _CLOSE and self._since_open is not None and any(map(str.isdigit, self._since_open)):
            return  # what stood between the brackets was taken out, and what is left would look like a citation
        self._put(character)
        self._says_something = self._says_something or character.isalnum()
        if character in _OPEN:
            self._since_open = ""
        elif self._since_open is not None:
            is_of_a_mark = character.isdigit() or character in _MARK_CHARACTERS
            self._since_open = self._since_open + character if is_of_a_mark else None

    def _put(self, text: str) -> None:
        """Let text leave, after the blanks before it: none at the beginning, none where a mark before a stop was."""
        if self._left and not (self._took_out and text in _STOPS and "\n" not in self._spaces):
            self._left.append(self._spaces)
        self._spaces = ""
        self._took_out = False
        self._left.append(text)


def _last_sentence(text: str) -> str:
    """Return the sentence that a mark at the end of the text stands behind."""
    text = text.rstrip()
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    return text[ends[-1] :] if ends else text


def _numbers_of(written: str) -> list[int]:
    """Return the numbers of ``1, 3`` and of a range such as ``1-3``."""
    numbers: list[int] = []
    for part in re.split(r"[,;&+]|and", written, flags=re.IGNORECASE):
        ends = [int(end) for end in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 <= ends[1] - ends[0] < _MAX_RANGE:
            numbers += range(ends[0], ends[1] + 1)
        else:
            numbers += ends
    return list(dict.fromkeys(numbers))
