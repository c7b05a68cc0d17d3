"""BERT-shaped embedding models on a CPU by OpenVINO: bf16 where the CPU has it, no torch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false
# OpenVINO ships partial types.

import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rag_core.embedding import Vectors
from rag_core.errors import ConfigurationError
from resources.clients.embedders.batches import batches_of
from resources.clients.embedders.model_folder import ModelFolder
from resources.clients.embedders.tokenizing import ModelTokenizer

_TEXTS_TOKENIZED_AT_ONCE = 1024
_WIDTH_STEP = 8
"""Widths are multiples of this: for each shape that it has met OpenVINO keeps kernels, some 0.4 MB of them."""


class OpenVinoBert:
    """A compiled model; as many inference requests are made, and kept, as threads embed at the same time."""

    def __init__(self, folder: ModelFolder, *, threads: int | None = None, cache_dir: Path | None = None) -> None:
        if reason := folder.why_not_bert():
            raise ConfigurationError(f"OpenVINO cannot run {folder.name}: {reason}.", remedy="Choose runtime: auto.")
        self._folder = folder
        self._identity = folder.identity()
        self._dimension = int(folder.config["hidden_size"])
        self._max_tokens = min(folder.max_tokens, int(folder.config["max_position_embeddings"]))
        self._tokenizer = ModelTokenizer(folder.path, max_tokens=self._max_tokens)
        self._prompts = {kind: folder.prompt(kind) for kind in ("query", "document")}
        self._threads = threads
        self._cache_dir = cache_dir
        self._compiled: Any = None
        self._compiling = threading.Lock()
        self._idle: deque[Any] = deque()

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
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, special tokens included."""
        return self._max_tokens

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token of a text; does not need the compiled model."""
        return self._tokenizer.offsets(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (texts, dimension), rows of length 1, in the order of the texts."""
        vectors = np.empty((len(texts), self._dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_TOKENIZED_AT_ONCE):
            piece = [self._prompts["document"] + text for text in texts[start : start + _TEXTS_TOKENIZED_AT_ONCE]]
            vectors[start : start + len(piece)] = self._embed(piece)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Return an array of shape (dimension,), of length 1."""
        return self._embed([self._prompts["query"] + text])[0]

    def close(self) -> None:
        """Give the model's memory back."""
        self._idle.clear()
        self._compiled = None

    def _embed(self, texts: Sequence[str]) -> Vectors:
        encodings = self._tokenizer.encode(texts)
        vectors = np.empty((len(texts), self._dimension), np.float32)
        with self._request() as request:
            for batch in batches_of([len(encoding.ids) for encoding in encodings]):
                width = self._width(len(encodings[batch[0]].ids))
                ids = np.zeros((len(batch), width), np.int64)
                mask = np.zeros((len(batch), width), np.int64)
                for row, index in enumerate(batch):
                    length = len(encodings[index].ids)
                    ids[row, :length] = encodings[index].ids
                    mask[row, :length] = 1
                request.infer([ids, mask], share_inputs=True)
                vectors[batch] = request.get_output_tensor(0).data
        return vectors

    def _width(self, tokens: int) -> int:
        """Return how wide a batch is made whose longest text has so many tokens."""
        return min(-(-tokens // _WIDTH_STEP) * _WIDTH_STEP, self._max_tokens)

    @contextmanager
    def _request(self) -> Generator[Any]:
        """Lend an inference request; the last one given back is lent first, for its tensors are warm."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._model().create_infer_request()
        try:
            yield request
        finally:
            self._idle.append(request)

    def _model(self) -> Any:
        with self._compiling:
            if self._compiled is None:
                self._compiled = self._compile()
            return self._compiled

    def _compile(self) -> Any:
        import openvino as ov

        from resources.clients.embedders.bert_graph import build_bert

        core = ov.Core()
        capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if capable else "f32",
            # Pinned, two processes would share one core and leave the other idle.
            "ENABLE_CPU_PINNING": False,
        }
        if self._threads is not None:
            options["INFERENCE_NUM_THREADS"] = self._threads
        model = build_bert(
            self._folder.path / "model.safetensors",
            self._folder.config,
            mean_pooling=bool(self._folder.pooling.get("pooling_mode_mean_tokens")),
        )
        if self._cache_dir is not None:
            options["CACHE_DIR"] = str(self._cache_dir / "openvino")
            options["CACHE_MODE"] = "OPTIMIZE_SPEED"
        return core.compile_model(model, "CPU", options)
