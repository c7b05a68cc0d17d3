"""From bytes to characters: byte order mark, UTF-8, what the store says, then an educated guess."""

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise

from resources.clients.parsing.rejections import unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSES = ("cp1252", "cp1251", "koi8-r", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr")
_SAMPLE_BYTES = 65_536
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{2,}")
_KANA = re.compile("[\u3041-\u30fe]")
_HAN = re.compile("[\u4e00-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Characters and the encoding they were read with."""

    text: str
    encoding: str


def declared_charset(declaration: str | None) -> str | None:
    """Return the charset of a content type or HTML declaration, if Python knows it as a text encoding."""
    match = _CHARSET.search(declaration or "")
    if match is None:
        return None
    try:
        codec = codecs.lookup(match.group(1))
        "".encode(codec.name)
    except (LookupError, TypeError, ValueError):  # unknown, or a codec that is no text encoding (base64, zip)
        return None
    return codec.name if codec.name not in {"idna", "punycode", "unicode_escape", "raw_unicode_escape"} else None


def decode_text(data: bytes, *, declared: str | None = None) -> Decoded:
    """Return the characters of a text file; raises ``DocumentRejected`` (unreadable) if no encoding fits."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(text=data[len(mark) :].decode(encoding, errors="replace"), encoding=encoding)
    wide = wide_encoding(data)
    for encoding in (wide, "utf-8", declared):
        text = _decoded(data, encoding)
        if text is not None and encoding is not None:
            return Decoded(text=text, encoding=encoding)
    guess = _best_guess(data)
    if guess is not None:
        return Decoded(text=data.decode(guess, errors="replace"), encoding=guess)
    raise unreadable(
        "The encoding of its text is unknown.",
        remedy="Store it as UTF-8, or state the charset in the object's content type.",
    )


def wide_encoding(data: bytes) -> str | None:
    """Return UTF-16's name for text without a byte order mark: every other byte of mostly Latin text is zero."""
    sample = data[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _decoded(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _best_guess(data: bytes) -> str | None:
    """Return the legacy encoding under which a sample looks most like one language's words."""
    sample = data[:_SAMPLE_BYTES]
    if len(data) > _SAMPLE_BYTES:  # end between two lines, so that no double-byte character is cut
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    scores = {
        encoding: _plausibility(text) for encoding in _GUESSES if (text := _decoded(sample, encoding)) is not None
    }
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    return best if best is not None and scores[best] >= 0.5 else None


def _plausibility(text: str) -> float:
    """Say from 0 to 1 how natural the non-ASCII letters of a decoding look."""
    foreign = [char for char in text if char > "\x7f"]
    if any(
        "\x80" <= char <= "\x9f" or "\u2500" <= char <= "\u259f" or "\ue000" <= char <= "\uf8ff" for char in foreign
    ):
        return 0
    joined = "".join(foreign)
    kana, han, hangul = (len(found.findall(joined)) for found in (_KANA, _HAN, _HANGUL))
    if (kana + han + hangul) * 2 > len(foreign):
        return _east_asian_plausibility(joined, kana=kana, han=han, hangul=hangul)
    words = _WORDS.findall(text)
    touched = [word for word in words if not word.isascii()]
    if not touched:  # only signs: typographic quotes, dashes, currency
        return 0.8 if all(not char.isalpha() for char in foreign) else 0.4
    return sum(map(_natural_word, touched)) / len(touched)


def _natural_word(word: str) -> float:
    """Score a word with non-ASCII letters: one script, no capital behind a small letter, few accents."""
    if any(a.islower() and b.isupper() for a, b in pairwise(word)):
        return 0
    cyrillic = sum("\u0400" <= char <= "\u04ff" for char in word)
    if cyrillic:
        return 1.0 if cyrillic == len(word) else 0
    accented = sum(char > "\x7f" for char in word)
    return 0.9 if accented * 2 <= len(word) else 0.1


def _east_asian_plausibility(foreign: str, *, kana: int, han: int, hangul: int) -> float:
    """Score Japanese by its kana, Korean by its hangul, Chinese by how common its characters are."""
    count = len(foreign)
    if hangul:
        return 0.95 if hangul > 0.85 * count else 0.2
    if kana > 0.15 * count:
        return 0.9
    common = sum(foreign.count(char) for char in "的一是不了在人有我他這这中大来來上国國和到說说們们為为子你地也文字")
    return 0.6 + min(0.3, common / max(han, 1))
