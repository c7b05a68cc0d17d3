"""The port of embedding models: texts in, unit vectors out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A loaded model; several threads may use one at once.

    ``identity`` names the weights themselves (name and digest); two embedders with one identity give equal vectors.
    """

    @property
    def name(self) -> str:
        """The name that users write."""
        ...

    @property
    def identity(self) -> str:
        """The name and a digest of the weights."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, special tokens included; longer texts are cut."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (texts, dimension), rows of length 1, in the order of the texts."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return an array of shape (dimension,), of length 1."""
        ...

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token of a text, without special tokens and without truncation."""
        ...

    def close(self) -> None:
        """Give the model's memory back."""
        ...
