"""How much of an expected Markdown's words a text holds: the measure of the acceptance of further formats."""

import html
import re
import unicodedata
from collections import Counter

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~$&])")
_WORD = re.compile(r"\w+")


def words_of(markdown: str) -> Counter[str]:
    """Return the words of a Markdown text as a multiset: NFKC, case folded, marks and image comments removed."""
    text = _LINK.sub(r"\1", _IMAGE.sub(" ", _COMMENT.sub(" ", markdown)))
    text = html.unescape(_ESCAPED.sub(r"\1", text))
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("_", " ")))


def recall(expected: str, text: str) -> float:
    """Return the share of the expected words, as a multiset, that stand in the text; 1 where none is expected."""
    wanted, found = words_of(expected), words_of(text)
    total = wanted.total()
    return (wanted & found).total() / total if total else 1.0


def missing(expected: str, text: str) -> Counter[str]:
    """Return the expected words that the text lacks."""
    return words_of(expected) - words_of(text)
