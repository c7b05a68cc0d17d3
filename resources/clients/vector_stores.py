"""Which vector store the settings name, where it is, and how it is opened; nothing is sent before its first call."""

from rag_core.vector_index import VectorStore
from resources.clients.settings import Settings

TIMEOUT_S = 60


def open_vector_store(settings: Settings, *, timeout_s: int = TIMEOUT_S) -> VectorStore:
    """Return the store of ``RAG_VECTORS``; the caller closes it."""
    if settings.vectors == "timescale":
        from resources.clients.timescale.store import TimescaleStore

        return TimescaleStore(settings.timescale_url or settings.require("database_url"), timeout_s=timeout_s)
    from resources.clients.qdrant.connect import connect
    from resources.clients.qdrant.store import QdrantStore

    return QdrantStore(connect(settings.require("qdrant_url"), settings.qdrant_api_key, timeout_s=timeout_s))


def vector_store_url(settings: Settings) -> str | None:
    """Return the address of the store of ``RAG_VECTORS``, None where it is not known; may hold a password."""
    if settings.vectors == "timescale":
        return settings.timescale_url or settings.database_url
    return settings.qdrant_url


def vector_store_remedy(settings: Settings) -> str:
    """Return what to do when the store is away."""
    if settings.vectors == "timescale":
        return f"Start PostgreSQL, or correct {'RAG_TIMESCALE_URL' if settings.timescale_url else 'RAG_DATABASE_URL'}."
    return f"Start Qdrant at {settings.qdrant_url}, or correct RAG_QDRANT_URL and RAG_QDRANT_API_KEY."
