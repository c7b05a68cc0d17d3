"""What can differ between source, catalog, Parquet and index: typed, so that it can be counted and repaired."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """One way in which two of the four places disagree."""

    SOURCE_UNRECORDED = "source_unrecorded"
    SOURCE_GONE = "source_gone"
    OUTCOME_MISSING = "outcome_missing"
    FILE_MISSING = "file_missing"
    FILE_UNREADABLE = "file_unreadable"
    ROW_MISSING = "row_missing"
    CHUNKS_MISCOUNTED = "chunks_miscounted"
    VECTOR_MISSING = "vector_missing"
    VECTOR_UNSOUND = "vector_unsound"
    INDEX_MISSING = "index_missing"
    POINT_MISSING = "point_missing"
    POINT_SURPLUS = "point_surplus"
    POINT_STRANGE = "point_strange"
    POINT_NAMELESS = "point_nameless"
    WRONG_KEY = "wrong_key"
    WRONG_TEXT = "wrong_text"
    WRONG_PLACE = "wrong_place"
    WRONG_RIGHTS = "wrong_rights"
    WRONG_PAYLOAD = "wrong_payload"
    WRONG_VECTOR = "wrong_vector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference: ``count`` things (points, chunks, rows) of one document, object or file, and the first of them.

    ``document_id`` is None where no document is known of it. ``points`` are those whose bytes differ from Parquet
    while the keys by which writers remember them may not.
    """

    kind: Kind
    what: str
    document_id: UUID | None = None
    count: int = 1
    example: str = ""
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one document, in one line and as findings."""

    text: str
    findings: tuple[Finding, ...]
