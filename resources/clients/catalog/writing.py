"""Newest wins, under a lock: the one way in which an outcome is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from rag_core.errors import DocumentRejected
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import HeadState, Outcome, ProcessingSpec, WriteRequest


class DocumentWriting:
    """Documents locked for writing; every one of them gets exactly one outcome before the block ends."""

    def head(self, document_id: UUID) -> HeadState:
        """Return what is known of the document, read under its lock."""
        raise NotImplementedError

    def indexed(self, document_id: UUID, outcome: Outcome) -> None:
        """The index now holds this version. Raises ``InvalidRequest`` if something newer is known."""

    def unchanged(self, document_id: UUID, outcome: Outcome) -> None:
        """The index already held exactly this text; only what is told of it is confirmed."""

    def superseded(self, document_id: UUID) -> None:
        """Something newer is known; nothing was written."""

    def deleted(self, document_id: UUID) -> None:
        """The document is gone and so are its points; its row stays as a tombstone."""

    def quarantined(
        self, document_id: UUID, rejected: DocumentRejected, *, tried: ProcessingSpec, removed: bool
    ) -> None:
        """It failed for good; the index holds the last good version, or nothing (``removed``)."""

    def stay_due(self, document_id: UUID, *, delay_s: float = 1.0) -> None:
        """The object changed meanwhile; nothing was written and the arrival is due again."""


class Writing:
    """Opens ``DocumentWriting`` over real locks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def documents(
        self, collection: str, index_name: str, run_id: str, requests: Sequence[WriteRequest], *, max_s: float = 300
    ) -> Iterator[DocumentWriting]:
        """Lock the documents and write their outcomes at the end of the block, all in one transaction.

        One request a document. An exception in the block rolls back and leaves the intents open, so the documents are
        reconciled once the run is known dead. The lock is lost, and the block fails with ``DependencyUnavailable``,
        when the block sits idle longer than ``max_s``. ``DocumentUnavailable`` when another run holds a document.
        """
        raise NotImplementedError
        yield
