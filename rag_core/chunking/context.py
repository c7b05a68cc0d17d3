"""What the encoders see besides a chunk's own text: the title and the headings above it."""

from collections.abc import Sequence
from typing import Literal

MAX_TITLE_CHARACTERS = 160
MAX_PATH_CHARACTERS = 160


def embedding_text(
    *, title: str, heading_path: Sequence[str], text: str, context: Literal["none", "title", "title+headings"]
) -> str:
    """Return the text to embed: context first, then the chunk; the context is bounded so that the chunk still fits."""
    if context == "none":
        return text
    lines = [" ".join(title.split())[:MAX_TITLE_CHARACTERS]]
    if context == "title+headings":
        path = " > ".join(" ".join(heading.split()) for heading in heading_path)
        lines.append("" if path == lines[0] else path[-MAX_PATH_CHARACTERS:])
    return "\n".join([*(line for line in lines if line), text])
