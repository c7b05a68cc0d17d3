"""Checks of what rests in Parquet; row groups are streamed and vectors stay in Arrow's and NumPy's memory."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# pyarrow ships no types.

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rag_core.rows import ARRIVAL, DENSE, POINT_ID
from resources.clients.parquet_parts import PartUnreadable
from resources.ingestion.checking.findings import Finding, Kind, Problem
from resources.ingestion.checking.promises import MAX_EXAMPLES, Tally
from resources.ingestion.counts import Layer

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import DocumentRow
    from resources.clients.parquet_parts import PartStore

NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """The rows that the catalog names, by the arrivals that they belong to; ``found`` hears of files that are lost."""

    collection: str
    catalog: "Catalog"
    parts: "PartStore"
    found: Callable[[Sequence[Finding]], None] = field(default=lambda _: None)

    def tables(self, asset: str, arrivals: Sequence[int], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the arrivals' rows, a row group at a time; a file that is gone has none."""
        by_file: dict[str, list[int]] = {}
        for number, file in self.catalog.evidence.files(self.collection, asset, arrivals).items():
            by_file.setdefault(file, []).append(number)
        for file, numbers in sorted(by_file.items()):
            try:
                yield from self.parts.read(file, arrivals=numbers, columns=columns)
            except FileNotFoundError as error:
                kind = Kind.FILE_UNREADABLE if isinstance(error, PartUnreadable) else Kind.FILE_MISSING
                self.found([Finding(kind=kind, what=file)])

    def counted(self, asset: str, arrivals: Sequence[int]) -> dict[int, int]:
        """Return how many rows each arrival has; those without any are left out."""
        counts: dict[int, int] = {}
        for table in self.tables(asset, arrivals, [ARRIVAL]):
            for group in table.column(ARRIVAL).value_counts().to_pylist():
                counts[group["values"]] = counts.get(group["values"], 0) + group["counts"]
        return counts


def missing_rows(rows: StoredRows, documents: "Mapping[int, DocumentRow]") -> dict[UUID, Problem]:
    """Return which documents, given by their indexed arrival, do not have exactly one row."""
    found = rows.counted(Layer.DOCUMENTS, list(documents))
    return {
        row.document_id: _of_arrival(
            Kind.ROW_MISSING, row, number, f"{found.get(number, 0)} rows in documents, expected 1"
        )
        for number, row in documents.items()
        if found.get(number, 0) != 1
    }


def miscounted_chunks(rows: StoredRows, documents: "Mapping[int, DocumentRow]") -> dict[UUID, Problem]:
    """Return which documents have not as many chunk rows as the catalog says."""
    found = rows.counted(Layer.CHUNKS, list(documents))
    return {
        row.document_id: _of_arrival(
            Kind.CHUNKS_MISCOUNTED,
            row,
            number,
            f"{found.get(number, 0)} rows in chunks, the catalog says {row.chunks}",
        )
        for number, row in documents.items()
        if found.get(number, 0) != row.chunks
    }


def _of_arrival(kind: Kind, row: "DocumentRow", number: int, said: str) -> Problem:
    finding = Finding(kind=kind, what=row.uri, document_id=row.document_id, example=f"arrival {number}: {said}")
    return Problem(text=f"{row.uri} (arrival {number}): {said}", findings=(finding,))


def look_at_vectors(
    rows: StoredRows, documents: "Mapping[int, DocumentRow]", tally: Tally, *, dimension: int | None
) -> None:
    """Check dimension (None: no index says which) and length of every dense vector."""
    for table in rows.tables(Layer.EMBEDDINGS, list(documents), [POINT_ID, DENSE]):
        column = table.column(DENSE).combine_chunks()
        dimensions = np.diff(column.offsets.to_numpy())
        norms = _norms(column, dimensions)
        sound = np.abs(norms - 1) <= NORM_TOLERANCE  # not so for a NaN either
        if dimension is not None:
            sound &= dimensions == dimension
        at = np.flatnonzero(~sound)
        shown = table.select([ARRIVAL, POINT_ID]).take(at[:MAX_EXAMPLES])
        broken = [
            f"{documents[row[ARRIVAL]].uri} point {row[POINT_ID]}: dimension {dimensions[place]}, "
            f"length {norms[place]:.4f}"
            for row, place in zip(shown.to_pylist(), at[:MAX_EXAMPLES], strict=True)
        ]
        tally.count(looked_at=len(table), broken=broken, more=len(at) - len(broken))
        rows.found(
            [
                Finding(
                    kind=Kind.VECTOR_UNSOUND,
                    what=documents[number].uri,
                    document_id=documents[number].document_id,
                    count=count,
                    example=next((said for said in broken if said.startswith(f"{documents[number].uri} ")), ""),
                )
                for number, count in Counter(table.column(ARRIVAL).take(at).to_pylist()).items()
            ]
        )


def _norms(column: pa.ListArray, dimensions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the length of each vector, 0 for an empty one, without a Python object a number."""
    values = column.flatten().to_numpy(zero_copy_only=False)
    norms = np.zeros(len(dimensions), np.float64)
    filled = np.flatnonzero(dimensions)
    if len(filled):
        starts = (np.cumsum(dimensions) - dimensions)[filled]
        norms[filled] = np.sqrt(np.add.reduceat(np.square(values, dtype=np.float64), starts))
    return norms
