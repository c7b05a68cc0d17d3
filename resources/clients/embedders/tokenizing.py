"""The model's tokenizer, with the truncation and padding that we want and not those that its file happens to have."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from rag_core.errors import ConfigurationError


class ModelTokenizer:
    """Two tokenizers from one file: one cuts at the model's limit for embedding, one never cuts, for chunking."""

    def __init__(self, folder: Path, *, max_tokens: int) -> None:
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ConfigurationError(f"There is no tokenizer.json in {folder.name}.", remedy="Use another model.")
        self._whole = Tokenizer.from_file(str(path))
        self._whole.no_truncation()
        self._whole.no_padding()
        self._cut = Tokenizer.from_file(str(path))
        self._cut.no_padding()
        self._cut.enable_truncation(max_tokens)  # pyright: ignore[reportUnknownMemberType] - partial types

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token, without special tokens and without truncation."""
        return self._whole.encode(text, add_special_tokens=False).offsets

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encodings of texts, special tokens included, cut at the model's limit."""
        return self._cut.encode_batch(list(texts))
