"""What a text costs a chat model: counted by its own tokenizer where one is given, else estimated from above."""

from collections.abc import Callable
from pathlib import Path

from rag_core.errors import ConfigurationError

BYTES_PER_TOKEN = 3
"""English takes about four bytes a token, other languages and code about three; a stranger's count is not trusted
below that: an embedding model's tokenizer takes a whole word that it does not know for one token."""


class ChatTokenizer:
    """The tokenizer of a chat model, from its ``tokenizer.json``."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        if not path.is_file():
            raise ConfigurationError(f"There is no tokenizer at {path}.", remedy="Correct RAG_CHAT_TOKENIZER.")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain ones
            raise ConfigurationError(
                f"{path} is no tokenizer.json ({str(error)[:200]}).", remedy="Correct RAG_CHAT_TOKENIZER."
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """Return how many tokens a text is, without those around it."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @property
    def marks(self) -> frozenset[str]:
        """The tokenizer's special tokens: marks that no text of a document may bring in."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        return frozenset(str(token.content) for token in added if token.special)


def counted_from_above(count: Callable[[str], int]) -> Callable[[str], int]:
    """Return a count by another model's tokenizer that is not below what the text's bytes let expect."""
    return lambda text: max(count(text), -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN))
