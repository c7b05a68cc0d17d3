"""Values of part files and of documents written under their locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPart:
    """A Parquet part file, written and synced, that holds the rows of ``arrivals`` for an asset and its spec."""

    asset: str
    fingerprint: str
    file: str
    rows: int
    bytes: int
    arrivals: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A part file as the catalog knows it; ``arrivals`` is how many arrivals it is named for."""

    collection: str
    partition: int
    asset: str
    fingerprint: str
    file: str
    rows: int
    bytes: int
    arrivals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPart:
    """Where the rows of a document's latest arrival are that has any for this asset and spec."""

    arrival: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """A document to write to the index, and the arrival (its number) that asks for it."""

    arrival: int
    document_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """What the catalog knows of a document, read under its lock.

    ``newer_known``: something newer than this arrival is recorded or already settled: write nothing, supersede.
    ``orphans``: a dead run left a write open: compare with the index itself before saying unchanged.
    ``indexed_arrival`` is None where the index holds nothing of the document (by the catalog's memory);
    ``confirmed_arrival`` is the newest that it holds, with the metadata and rights of then.
    """

    document_id: UUID
    arrival: int
    newest_arrival: int
    newer_known: bool
    place: int | None
    indexed_arrival: int | None
    confirmed_arrival: int | None
    indexed_version: str
    is_tombstone: bool
    orphans: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was read and written; ``version`` and ``version_id`` are those of the bytes read, not those announced."""

    version: str
    version_id: str | None = None
    title: str = ""
    media_type: str = ""
    parser: str
    chunking: str
    metadata_rules: str
    code_version: str = ""
    chunks: int
    size_bytes: int = 0
