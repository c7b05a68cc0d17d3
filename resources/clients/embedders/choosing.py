"""Which runtime runs a model: ``auto`` takes OpenVINO for what it can build, sentence-transformers for the rest."""

from pathlib import Path
from typing import Literal

from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError
from resources.clients.embedders.model_folder import ModelFolder, find_model

Runtime = Literal["auto", "openvino", "sentence-transformers"]


def open_embedder(
    model: str, *, runtime: Runtime = "auto", threads: int | None = None, cache_dir: Path | None = None
) -> Embedder:
    """Load a model: a short name, ``package:NAME`` of an installed package of weights, a folder, or a hub name.

    ``threads`` bounds the CPU threads (default: all cores); compiled models and digests are kept in ``cache_dir``.
    Raises ``ConfigurationError`` when the model is not found or no installed runtime can run it.
    """
    folder = find_model(model, cache_dir=cache_dir)
    chosen = _choose(folder) if runtime == "auto" else runtime
    if chosen == "openvino":
        from resources.clients.embedders.openvino_bert import OpenVinoBert

        return OpenVinoBert(folder, threads=threads, cache_dir=cache_dir)
    from resources.clients.embedders.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(folder, threads=threads)


def _choose(folder: ModelFolder) -> Runtime:
    reason = folder.why_not_bert()
    if not reason and not _has_gpu():
        return "openvino"
    if not _has_sentence_transformers():
        if not reason:
            return "openvino"
        raise ConfigurationError(
            f"OpenVINO cannot run {folder.name}: {reason}, and sentence-transformers is not installed.",
            remedy="Install the extra: pip install 'rag-assets[models]'.",
        )
    return "sentence-transformers"


def _has_sentence_transformers() -> bool:
    from importlib.util import find_spec

    return find_spec("sentence_transformers") is not None and find_spec("torch") is not None


def _has_gpu() -> bool:
    """Say whether torch sees a GPU; torch is asked only where the machine has an NVIDIA device at all."""
    if not _has_sentence_transformers() or not Path("/dev/nvidiactl").exists():
        return False
    import torch  # pyright: ignore[reportMissingImports] - the `models` extra

    return bool(torch.cuda.is_available())  # pyright: ignore - the `models` extra
