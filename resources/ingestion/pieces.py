"""Pieces of a micro-batch: documents that pass the layers together, bounded in text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from resources.clients.catalog.values import DueArrival
from resources.ingestion.counts import Counts
from resources.ingestion.reading_ahead import text_bytes
from resources.ingestion.work import (
    ChunkedDocument,
    EmbeddedDocument,
    FailedDocument,
    GoneDocument,
    ReadDocument,
    ReadResult,
)

_TEXT_AT_ONCE = 8 * 1024 * 1024
"""Bytes of text that pass the layers together: rows and vectors take several times as much."""


@dataclass(slots=True, kw_only=True)
class Prepared:
    """Documents with their chunks and vectors, what of them failed, is gone or left out, and what that cost.

    ``broken``: something unforeseen happened to one of them, so that none has its vectors.
    """

    results: Sequence[ReadResult]
    counts: Counts
    documents: Sequence[ReadDocument] = ()
    failed: list[FailedDocument] = field(default_factory=list[FailedDocument])
    skipped: list[DueArrival] = field(default_factory=list[DueArrival])
    gone: Sequence[GoneDocument] = ()
    chunked: list[ChunkedDocument] = field(default_factory=list[ChunkedDocument])
    embedded: list[EmbeddedDocument] = field(default_factory=list[EmbeddedDocument])
    broken: Exception | None = None


def pieces(results: Sequence[ReadResult]) -> Iterator[list[ReadResult]]:
    """Split what was read into pieces of bounded text, small documents first."""
    piece: list[ReadResult] = []
    size = 0
    for result in sorted(results, key=_text_of):
        cost = _text_of(result)
        if piece and size + cost > _TEXT_AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(result)
        size += cost
    if piece:
        yield piece


def _text_of(result: ReadResult) -> int:
    return text_bytes(result.row) if isinstance(result, ReadDocument) else 0
