"""Qdrant as a vector store: one client, and the three sides of an index that share it."""

from typing import TYPE_CHECKING

from resources.clients.qdrant.connect import DEPENDENCY
from resources.clients.qdrant.inspecting import QdrantInspector
from resources.clients.qdrant.searching import QdrantSearcher
from resources.clients.qdrant.writing import QdrantWriter

if TYPE_CHECKING:
    from qdrant_client import QdrantClient


class QdrantStore:
    """The store behind a client; closing it closes the client."""

    name = DEPENDENCY

    def __init__(self, client: "QdrantClient") -> None:
        self._client = client

    def writer(self) -> QdrantWriter:
        """Return the writer's side."""
        return QdrantWriter(self._client)

    def searcher(self) -> QdrantSearcher:
        """Return the reader's side."""
        return QdrantSearcher(self._client)

    def inspector(self) -> QdrantInspector:
        """Return what checks look through."""
        return QdrantInspector(self._client)

    def maker(self) -> QdrantWriter:
        """Return what makes an index anew."""
        return QdrantWriter(self._client)

    def close(self) -> None:
        """Close the client."""
        self._client.close()
