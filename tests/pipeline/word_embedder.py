"""An embedder that hashes words: texts are near when they share words. Counts what it is asked to embed."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIMENSION = 64


class WordEmbedder:
    """Satisfies ``rag_core.embedding.Embedder``; tokens are words."""

    def __init__(self, name: str = "words") -> None:
        self.name = name
        self.identity = f"{name}@1"
        self.dimension = DIMENSION
        self.max_tokens = 512
        self.embedded: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector = np.full(DIMENSION, 1e-3, np.float32)
        for word in re.findall(r"\w+", text.lower()):
            vector[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=2).digest(), "big") % DIMENSION] += 1
        return vector / np.float32(np.linalg.norm(vector))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def close(self) -> None:
        """Nothing to give back."""
