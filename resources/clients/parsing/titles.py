"""Which words are a document's title: stated ones, else its first heading, its first line, its name."""

import re

from rag_core.parsed import Heading
from rag_core.text_cleaning import clean_line

MAX_TITLE_CHARS = 200
_PLACEHOLDER = re.compile(
    r"(?:untitled.*|\(?anonymous\)?|document\d*|unspecified|none|null|title|slide \d+|powerpoint.*|microsoft word - .*"
    r"|[^\s]+\.(?:docx?|pptx?|xlsx?|tex|dvi|indd|qxd|pdf|p65|fm|odt|rtf|txt|html?))",
    re.IGNORECASE,
)


def chosen_title(*, stated: object, headings: list[Heading], text: str, name: str) -> str:
    """Return the title, one line of at most 200 characters; programs' placeholders ("Untitled 1") do not count."""
    words = clean_line(str(stated)) if isinstance(stated, str | int | float) and not isinstance(stated, bool) else ""
    if words and any(char.isalnum() for char in words) and not _PLACEHOLDER.fullmatch(words):
        return _shortened(words)
    if headings:
        top = min(heading.level for heading in headings[:20])
        return _shortened(next(heading.text for heading in headings if heading.level == top))
    first = next((line for line in map(str.strip, text[:5000].split("\n")) if any(map(str.isalnum, line))), "")
    if first and len(first) <= 120:
        return first
    stem = name.rpartition("/")[2]
    return _shortened(clean_line(stem.rpartition(".")[0] or stem)) or _shortened(first)


def _shortened(words: str) -> str:
    return words if len(words) <= MAX_TITLE_CHARS else words[: MAX_TITLE_CHARS - 1].rstrip() + "…"
