"""What readers see: documents with their state and reason, counts, failures, open writes."""

from collections.abc import Sequence
from uuid import UUID

from rag_core.arrivals import ArrivalState
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Block, DocumentPage, DocumentRow, Failure, OpenIntent


class Queries:
    """Read-only; bounded by ``limit`` wherever a collection could be large."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(
        self,
        collection: str,
        *,
        state: ArrivalState | None = None,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        """Return documents by URI, or in a ``state`` by arrival number; ``prefix`` is of the URI."""
        raise NotImplementedError

    def document(self, document_id: UUID) -> DocumentRow | None:
        """Return one document, or None."""
        raise NotImplementedError

    def documents_by_id(self, document_ids: Sequence[UUID]) -> dict[UUID, DocumentRow]:
        """Return those documents that are known."""
        raise NotImplementedError

    def counts_by_state(self, collection: str) -> dict[ArrivalState, int]:
        """Return how many arrivals are in each state (every state has its key)."""
        raise NotImplementedError

    def due_count(self, collection: str, *, at_most: int = 100_000) -> int:
        """Return how many arrivals are due now or later, counted no further than ``at_most``; cheap, for ticks."""
        raise NotImplementedError

    def block_counts(self, collection: str, partition: int) -> dict[ArrivalState, int]:
        """Return how many of a block's arrivals are in each state (every state has its key)."""
        raise NotImplementedError

    def collections(self) -> list[str]:
        """Return the collections that anything was recorded for."""
        raise NotImplementedError

    def blocks(self, collection: str, *, after: int = -1, limit: int = 1000) -> list[Block]:
        """Return blocks with a number above ``after``."""
        raise NotImplementedError

    def indexed_in_block(self, collection: str, partition: int) -> list[DocumentRow]:
        """Return documents whose indexed arrival lies in the block and that have no open intent: what checks compare."""
        raise NotImplementedError

    def failures(self, collection: str, *, limit: int = 100) -> list[Failure]:
        """Return newest arrivals that are quarantined, latest first."""
        raise NotImplementedError

    def stale_documents(self, collection: str, *, limit: int = 100) -> list[DocumentRow]:
        """Return documents whose newest version failed for good while an older one answers."""
        raise NotImplementedError

    def open_intents(self, collection: str, *, limit: int = 100) -> list[OpenIntent]:
        """Return writes that are begun and not closed, oldest first."""
        raise NotImplementedError
