"""Every other embedding model, and all of them on a GPU: sentence-transformers, from the ``models`` extra."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportAttributeAccessIssue=false
# The extra is not part of the default install.

from collections.abc import Sequence
from typing import Any

import numpy as np

from rag_core.embedding import Vectors
from rag_core.errors import ConfigurationError
from resources.clients.embedders.model_folder import ModelFolder
from resources.clients.embedders.tokenizing import ModelTokenizer

_GPU_BATCH = 64
_CPU_BATCH = 16


class SentenceTransformersEmbedder:
    """A model under torch: bf16 or fp16 on a GPU, fp32 on a CPU."""

    def __init__(self, folder: ModelFolder, *, threads: int | None = None) -> None:
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ConfigurationError(
                f"{folder.name} needs sentence-transformers, which is not installed.",
                remedy="Install the extra: pip install 'rag-assets[models]'.",
            ) from error
        on_gpu = torch.cuda.is_available()
        if threads is not None and not on_gpu:
            torch.set_num_threads(threads)
        self._folder = folder
        self._identity = folder.identity()
        self._model: Any = SentenceTransformer(
            str(folder.path),
            device="cuda" if on_gpu else "cpu",
            model_kwargs={"torch_dtype": _precision(torch, on_gpu)},
        )
        self._batch = _GPU_BATCH if on_gpu else _CPU_BATCH
        self._max_tokens = int(self._model.max_seq_length or folder.max_tokens)
        self._tokenizer = ModelTokenizer(folder.path, max_tokens=self._max_tokens)

    @property
    def name(self) -> str:
        """The name that users write."""
        return self._folder.name

    @property
    def identity(self) -> str:
        """The name and a digest of the weights."""
        return self._identity

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_sentence_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, special tokens included."""
        return self._max_tokens

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token of a text."""
        return self._tokenizer.offsets(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (texts, dimension), rows of length 1; sorted by length inside."""
        return self._embed([self._folder.prompt("document") + text for text in texts])

    def embed_query(self, text: str) -> Vectors:
        """Return an array of shape (dimension,), of length 1."""
        return self._embed([self._folder.prompt("query") + text])[0]

    def close(self) -> None:
        """Give the model's memory back."""
        self._model = None

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode(
            list(texts),
            batch_size=self._batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32).reshape(len(texts), -1)


def _precision(torch: Any, on_gpu: bool) -> Any:  # noqa: FBT001 - private, one caller
    if not on_gpu:
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
