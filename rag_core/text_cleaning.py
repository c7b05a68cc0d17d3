"""Cleaning of extracted text, all of it text to text.

Parsers clean first and take offsets afterwards, on the cleaned text, so that no offset is ever translated and
a citation's span quotes exactly what was indexed.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

LINE_END_HYPHEN: Final = "\ufffe"
"""What pdfium writes where a word was divided at the end of a line (it drops the line break itself)."""

_NEWLINES = re.compile("\r\n?|[\x0b\x0c\u2028\u2029]")
# Controls, soft hyphen, zero-width space, bidirectional overrides, byte order mark, noncharacters and lone
# surrogates: nothing a reader sees, and PostgreSQL or UTF-8 refuse some. Joiners (U+200C, U+200D) spell words.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff]"
)
# Characters 0x80 to 0x9F are controls that nobody uses; in practice they are Windows-1252 read as Latin-1.
_WINDOWS_1252 = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_SPACES = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BLANK_LINES = re.compile("\n{3,}")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_DIVIDED = re.compile(rf"([^\W\d_]*)[ \t]*{LINE_END_HYPHEN}[ \t]*\n?[ \t]*(\w?[^\W\d_]*)")
_HYPHEN_AT_LINE_END = re.compile(r"(?<=[^\W\d_])[-\u2010][ \t]*\n(?=[ \t]*[^\W\d_])")


def clean_characters(text: str) -> str:
    """Return the text in NFC with newline characters as line ends, no invisible ones, and its white space."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _NEWLINES.sub("\n", text)).translate(_WINDOWS_1252))


def clean_prose(text: str) -> str:
    """Return readable prose: clean characters, single spaces, no space at line ends, at most one blank line."""
    lines = [_SPACES.sub(" ", line).strip() for line in clean_characters(text).split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def clean_line(text: str) -> str:
    """Return one line of prose: every run of white space, line ends too, becomes one space."""
    return " ".join(clean_characters(text).split())


def clean_code(text: str) -> str:
    """Return code with its indentation: clean characters, no space at line ends, no empty lines around it."""
    return "\n".join(line.rstrip() for line in clean_characters(text).split("\n")).strip("\n")


def clean_printed_line(text: str) -> str:
    """Return one line as ``clean_line`` does, from glyphs: ligatures and presentation forms become letters (NFKC).

    Bullets of symbol fonts become ``•``; other private-use characters, which mean something only in their font, go.
    """
    if not text.isascii():
        letters = unicodedata.normalize("NFKC", text.translate(_WINDOWS_1252).replace("\uf0b7", "•"))
        text = _PRIVATE_USE.sub("", letters)
    return " ".join(_INVISIBLE.sub("", text).split())


def mark_line_end_hyphens(text: str) -> str:
    """Mark words divided at line ends the way pdfium does, for extractors that keep hyphen and line break."""
    return _HYPHEN_AT_LINE_END.sub(LINE_END_HYPHEN, _NEWLINES.sub("\n", text))


def words_of(text: str) -> frozenset[str]:
    """Return the words that stand undivided in a text, lower case, hyphenated compounds included."""
    return frozenset(match.group().casefold() for match in _WORD.finditer(text))


def hyphen_joiner(vocabulary: frozenset[str]) -> Callable[[str], str]:
    """Return a function that joins marked divided words; the document's own words settle what belongs together.

    A word seen undivided elsewhere is joined, a compound seen elsewhere keeps its hyphen; failing both, a small
    letter after the break means one word (``exam- ple``), anything else a compound (``COVID- 19``).
    """

    def joined(match: re.Match[str]) -> str:
        before, after = match.group(1), match.group(2)
        if not before or not after:
            return before + after
        if (before + after).casefold() in vocabulary:
            return before + after
        if f"{before}-{after}".casefold() in vocabulary:
            return f"{before}-{after}"
        return before + after if after[0].islower() else f"{before}-{after}"

    return lambda text: _DIVIDED.sub(joined, text) if LINE_END_HYPHEN in text else text
