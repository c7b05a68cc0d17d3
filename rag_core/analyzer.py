"""The analyzer: from text to terms, one for writer and reader, or a word indexed would not be the word asked for."""

import re
import unicodedata
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer  # pyright: ignore[reportMissingTypeStubs] - it ships none

ANALYZER_VERSION = "english/1"
MAX_TERM_CHARACTERS = 64

STOP_WORDS = frozenset(
    """a about above after again against all am an and any are as at be because been before being below between both
    but by can cannot could did do does doing down during each few for from further had has have having he her here
    hers herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off
    on once only or other our ours ourselves out over own s same she should so some such t than that the their theirs
    them themselves then there these they this those through to too under until up very was we were what when where
    which while who whom why will with would you your yours yourself yourselves""".split()  # noqa: SIM905 - read as words, not as code
)

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def analyze(text: str) -> list[str]:
    """Return the terms of a text in order: NFKC, identifiers split (and kept whole), lower case, stemmed."""
    terms: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text)):
        terms += _terms_of(word)
    return terms


@lru_cache(maxsize=65_536)
def _terms_of(word: str) -> tuple[str, ...]:
    word = _POSSESSIVE.sub("", word)
    whole = word.lower()[:MAX_TERM_CHARACTERS]
    parts = _parts(word)
    candidates = [whole, *(part.lower()[:MAX_TERM_CHARACTERS] for part in parts)] if len(parts) > 1 else [whole]
    return tuple(_stem(term) for term in candidates if term and term not in STOP_WORDS)


def _parts(word: str) -> list[str]:
    """Return the parts of an identifier (``isValidDate``, ``is_valid_date``); a plain word is one part."""
    if word.isalpha() and (word.islower() or word.isupper() or word.istitle()):
        return [word]
    return [part for piece in word.split("_") for part in (_CAMEL.findall(piece) or [piece]) if part]


@lru_cache(maxsize=65_536)
def _stem(term: str) -> str:
    # A stemmer works on its own fields: one shared by threads gives wrong stems, and a new one costs a microsecond.
    return str(EnglishStemmer().stemWord(term))  # pyright: ignore - untyped
