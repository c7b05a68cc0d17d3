"""Which vector store the settings name, and how it is opened; nothing is sent before its first call."""

from rag_core.vector_index import VectorStore
from resources.clients.settings import Settings

TIMEOUT_S = 60


def open_vector_store(settings: Settings, *, timeout_s: int = TIMEOUT_S) -> VectorStore:
    """Return the store of ``RAG_VECTORS``; the caller closes it."""
    from resources.clients.qdrant.connect import connect
    from resources.clients.qdrant.store import QdrantStore

    return QdrantStore(connect(settings.require("qdrant_url"), settings.qdrant_api_key, timeout_s=timeout_s))
