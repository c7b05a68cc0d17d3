"""Fences: text of documents stands between marks that no text can hold, so that it ends where we say and nowhere else.

Two kinds of marks could be forged. Ours, ``<<<PASSAGE 1>>>`` and ``<<<END>>>``: a run of three angle brackets is pulled
apart by spaces. And those by which chat models tell roles apart (``<|im_start|>``, ``[INST]``, ``</s>``), which a
server's tokenizer takes for the real thing wherever they stand: a space behind their first character makes plain text
of them. A reader still sees what was written.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

ROLE_MARKS = frozenset(
    {
        "<|",
        "|>",
        "<｜",
        "｜>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
        "<s>",
        "</s>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<unk>",
    }
    | {"<start_of_turn>", "<end_of_turn>", "[BOS]", "[EOS]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}
    | {"[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]"}
)
"""Marks of roles in the chat formats of Llama, Mistral, Gemma, DeepSeek, and all that write ``<|…|>``."""

_OURS = ("<<<", ">>>")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def unfenced(text: str, reserved: Iterable[str] = ()) -> str:
    """Return the text without a fence's mark or a role's in it; ``reserved`` are further marks, a tokenizer's own."""
    return _marks(frozenset(reserved)).sub(r"\1 ", _UNSEEN.sub(" ", text))


def on_one_line(text: str, reserved: Iterable[str] = ()) -> str:
    """Return the text likewise, on a single line: titles and headings."""
    return unfenced(" ".join(text.split()), reserved)


@lru_cache(maxsize=16)
def _marks(reserved: frozenset[str]) -> re.Pattern[str]:
    """Return what matches the first character of each mark; looking ahead, it finds those that overlap, too."""
    further = {mark for mark in reserved if len(mark) > 1 and not any(character.isspace() for character in mark)}
    every = sorted({*_OURS, *ROLE_MARKS, *further}, key=lambda mark: (-len(mark), mark))
    return re.compile(rf"(?=(?:{'|'.join(re.escape(mark) for mark in every)}))(.)", re.DOTALL | re.IGNORECASE)
