"""Embedding models behind one port; ``open_embedder`` chooses the runtime.

OpenVINO runs every BERT-shaped model on a CPU, from its safetensors and without torch. sentence-transformers (the
``models`` extra) runs every other model, and all of them on a GPU.
"""

from rag_core.embedding import Embedder
from resources.clients.embedders.choosing import open_embedder

__all__ = ["Embedder", "open_embedder"]
