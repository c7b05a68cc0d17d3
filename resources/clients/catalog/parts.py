"""Part files: which file holds an arrival's rows, for each asset and spec."""

from collections.abc import Sequence
from uuid import UUID

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import FoundPart, NewPart, PartFile


class Parts:
    """A file counts from the transaction that names it; one without arrivals is garbage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def name(self, collection: str, partition: int, parts: Sequence[NewPart]) -> None:
        """Name the files for their arrivals in one transaction; files left without arrivals become garbage."""
        raise NotImplementedError

    def files(self, collection: str, partition: int, asset: str, fingerprint: str | None = None) -> dict[int, str]:
        """Return the file of each arrival of a block; without a fingerprint the one named last."""
        raise NotImplementedError

    def of_block(self, collection: str, partition: int) -> list[PartFile]:
        """Return the block's files that are named for at least one arrival."""
        raise NotImplementedError

    def latest_for(self, document_ids: Sequence[UUID], asset: str, fingerprint: str) -> dict[UUID, FoundPart]:
        """Return, for each document that has any, the newest arrival with rows and their file."""
        raise NotImplementedError

    def replace(self, collection: str, partition: int, old_files: Sequence[str], new: NewPart) -> int:
        """Name ``new`` for those of its arrivals that one of ``old_files`` still holds; return how many."""
        raise NotImplementedError

    def unnamed(self, *, older_than_s: float, limit: int = 1000) -> list[str]:
        """Return files that have held no arrival's rows for so long; delete them, then ``forget`` them."""
        raise NotImplementedError

    def named(self, files: Sequence[str]) -> set[str]:
        """Return which of these files the catalog knows; others were never named (a crash before it)."""
        raise NotImplementedError

    def forget(self, files: Sequence[str]) -> None:
        """Forget garbage files after deleting them; files that hold rows stay."""
        raise NotImplementedError

    def retirable(self, collection: str, *, limit: int = 100) -> list[int]:
        """Return full blocks that hold no document's newest or indexed arrival and no due work."""
        raise NotImplementedError

    def retire(self, collection: str, partition: int) -> list[str]:
        """Retire a block and return its files, now garbage; its number is never used again."""
        raise NotImplementedError
