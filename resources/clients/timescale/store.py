"""PostgreSQL with pgvector as a vector store: one pool, and the three sides of an index that share it."""

from importlib.util import find_spec

from rag_core.errors import ConfigurationError
from resources.clients.timescale.inspecting import TimescaleInspector
from resources.clients.timescale.searching import TimescaleSearcher
from resources.clients.timescale.sessions import DEPENDENCY, Sessions
from resources.clients.timescale.tables import Registry
from resources.clients.timescale.writing import TimescaleWriter


class TimescaleStore:
    """The store in a database; nothing is sent before the first call of a side, closing it closes the pool."""

    name = DEPENDENCY

    def __init__(self, url: str, *, timeout_s: int = 60) -> None:
        if find_spec("timescale_vector") is None:
            raise ConfigurationError(
                "The vectors are to be kept in PostgreSQL, but timescale-vector is not installed.",
                remedy="Install the extra: pip install 'rag-assets[timescale]', or set RAG_VECTORS=qdrant.",
            )
        self._sessions = Sessions(url, timeout_s=timeout_s)
        self._registry = Registry()

    def writer(self) -> TimescaleWriter:
        """Return the writer's side."""
        return TimescaleWriter(self._sessions, self._registry)

    def searcher(self) -> TimescaleSearcher:
        """Return the reader's side."""
        return TimescaleSearcher(self._sessions, self._registry)

    def inspector(self) -> TimescaleInspector:
        """Return what checks look through."""
        return TimescaleInspector(self._sessions, self._registry)

    def maker(self) -> TimescaleWriter:
        """Return what makes an index anew."""
        return TimescaleWriter(self._sessions, self._registry)

    def close(self) -> None:
        """Close the pool's connections."""
        self._sessions.close()
