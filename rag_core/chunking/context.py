"""What the encoders see besides a chunk's own text: the title and the headings above it, for the embedding only."""

import re
from collections.abc import Sequence

from rag_core.chunking.measuring import RESERVED_TOKENS, ModelTokens
from rag_core.collection import Chunking

MAX_TITLE_CHARACTERS = 160
MAX_PATH_CHARACTERS = 160

_LONG_WORD = re.compile(r"\S{49}")
_SLACK_TOKENS = 32
"""A chunk that begins inside a word can have some tokens more by itself than it had in its document."""


def embedding_text(
    *, title: str, heading_path: Sequence[str], text: str, chunking: Chunking, model: ModelTokens
) -> str:
    """Return the text to embed: context first, then the chunk.

    Together they are never above the model's limit, in whatever script the title is written: the context gives way,
    the path losing its outermost headings first and the title its end. A chunk is never cut for its context.
    """
    if chunking.context == "none":
        return text
    first = " ".join(title.split())[:MAX_TITLE_CHARACTERS]
    path = ""
    if chunking.context == "title+headings":
        path = " > ".join(" ".join(heading.split()) for heading in heading_path)
        path = "" if path == first else path[-MAX_PATH_CHARACTERS:]
    whole = _joined(first, path, text)
    limit = model.max_tokens - RESERVED_TOKENS
    title_spans, path_spans = model.offsets(first), model.offsets(path)
    asked = len(title_spans) + len(path_spans)
    if asked + chunking.max_tokens + _SLACK_TOKENS <= limit and not _LONG_WORD.search(text):
        return whole
    if len(model.offsets(whole)) <= limit:
        return whole
    left = max(limit - len(model.offsets(text)), 0)
    for_title = min(len(title_spans), max(left // 2, left - len(path_spans)))
    for_path = min(len(path_spans), left - for_title)
    first = first[: title_spans[for_title - 1][1]].rstrip() if for_title else ""
    path = path[path_spans[-for_path][0] :].lstrip(" >") if for_path else ""
    shortened = _joined(first, path, text)
    return shortened if len(model.offsets(shortened)) <= limit else text


def _joined(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
