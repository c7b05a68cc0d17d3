"""The gate between extracted characters and text that a person could read.

Fonts without a character map come out as private-use or control characters, as glyph names (``/G32/G87``,
``(cid:12)``) or as another alphabet shifted into this one. Indexed, such text would only answer noise.
"""

import re
import unicodedata
from collections import Counter

_SAMPLE_CHARS = 20_000
_MIN_JUDGED = 24
_GLYPH_NAMES = re.compile(r"\(cid:\d+\)|/[A-Z]{1,3}\d{1,4}(?=/|\s|$)|/uni[0-9A-Fa-f]{4}")
_EAST_ASIAN = frozenset({"HIRAGANA", "KATAKANA", "HALFWIDTH", "FULLWIDTH", "BOPOMOFO", "HANGUL", "KANGXI"})
_MAX_SCRIPTS = 6
_VOWELS = frozenset("aeiouy")
_BAD_CATEGORIES = frozenset({"Co", "Cn", "Cs", "Cc"})


def has_text(text: str) -> bool:
    """Say whether there is anything to read: one letter or digit is enough."""
    return any(char.isalnum() for char in text)


def unreadable_because(text: str) -> str | None:
    """Return why raw extracted text is not readable, or None. Judge it before cleaning hides the evidence."""
    garbled = garbled_because(text)
    if garbled is not None:
        return garbled
    counts = Counter(_visible(_sampled(text)))
    if counts.total() < _MIN_JUDGED:
        return None
    alphanumeric = sum(n for char, n in counts.items() if char.isalnum() or unicodedata.category(char)[0] == "M")
    if alphanumeric < 0.25 * counts.total():
        return f"only {alphanumeric / counts.total():.0%} of its characters are letters or digits"
    return _shifted_alphabet(counts)


def garbled_because(text: str) -> str | None:
    """Return why raw text cannot be what was written, or None: holds for a page as well as for a whole document.

    Unlike for a document, a share of letters says little about a page: it may be a table of contents or of numbers.
    """
    sample = _sampled(text)
    visible = _visible(sample)
    if len(visible) < _MIN_JUDGED:
        return None
    counts = Counter(visible)
    bad = sum(n for char, n in counts.items() if char == "\ufffd" or unicodedata.category(char) in _BAD_CATEGORIES)
    if bad > 0.2 * len(visible):
        return f"{bad / len(visible):.0%} of its characters have no meaning outside its fonts"
    glyph_names = sum(len(match.group()) for match in _GLYPH_NAMES.finditer(sample))
    if glyph_names > 0.5 * len(visible):
        return "it comes out as names of glyphs instead of letters"
    return _mixed_alphabets(counts)


def _visible(sample: str) -> list[str]:
    return [char for char in sample if not char.isspace() and char != "\ufffe"]


def _shifted_alphabet(counts: Counter[str]) -> str | None:
    """Notice Latin text without vowels: what a font with a shifted encoding leaves behind."""
    latin: Counter[str] = Counter()
    for char, n in counts.items():
        base = unicodedata.normalize("NFD", char)[0].lower()
        if "a" <= base <= "z":
            latin[base] += n
    letters = latin.total()
    vowels = sum(latin[vowel] for vowel in _VOWELS)
    if letters >= 400 and vowels < 0.1 * letters:
        return f"only {vowels / letters:.0%} of its letters are vowels"
    return None


def _mixed_alphabets(counts: Counter[str]) -> str | None:
    """Notice a mix of scripts that nobody writes: what character codes look like when read as other characters."""
    scripts: Counter[str] = Counter()
    for char, n in counts.items():
        if char.isalpha():
            name = unicodedata.name(char, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
            scripts["CJK" if name in _EAST_ASIAN else name] += n
    spread = [script for script, n in scripts.items() if n > 0.02 * scripts.total()]
    return f"its letters come from {len(spread)} scripts at once" if len(spread) > _MAX_SCRIPTS else None


def _sampled(text: str) -> str:
    """Return the text, or evenly spread stretches of a long one."""
    if len(text) <= _SAMPLE_CHARS:
        return text
    stretch = _SAMPLE_CHARS // 10
    step = (len(text) - stretch) // 9
    return "".join(text[i * step : i * step + stretch] for i in range(10))
