"""Checks over a block: what the catalog says, what rests in Parquet and what the index holds must be one thing.

They look at the documents whose indexed arrival lies in the block and that have no open write.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from rag_core.arrivals import ArrivalState

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import DocumentRow
    from resources.clients.parquet_parts import PartStore
    from resources.clients.qdrant.writing import QdrantWriter

MAX_EXAMPLES = 10
NORM_TOLERANCE = 1e-3
_DOCUMENTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise about a layer; ``only_warns`` if breaking it needs a person but nothing is wrong with the data."""

    name: str
    layer: str
    description: str
    only_warns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check found: numbers to plot, and up to ten examples of what breaks it."""

    check: Check
    passed: bool
    summary: str
    numbers: Mapping[str, int | float]
    examples: tuple[str, ...] = ()


ROWS_NAMED = Check(
    name="rows_of_every_document",
    layer="documents",
    description="Every indexed document of the block has its row in a Parquet part that the catalog names.",
)
NOTHING_QUARANTINED = Check(
    name="nothing_quarantined",
    layer="documents",
    description="No document of the block is quarantined; `rag documents` shows reasons and remedies.",
    only_warns=True,
)
CHUNKS_COUNTED = Check(
    name="chunks_equal_catalog",
    layer="chunks",
    description="Each indexed document has as many chunk rows as the catalog says it has chunks.",
)
VECTORS_SOUND = Check(
    name="dimension_and_norm",
    layer="embeddings",
    description="Every dense vector has the index's dimension and length 1.",
)
POINTS_EQUAL = Check(
    name="index_equals_parquet",
    layer="vectors",
    description="The index holds exactly the points of the embeddings' rows of every indexed document, none else.",
)
CHECKS = (ROWS_NAMED, NOTHING_QUARANTINED, CHUNKS_COUNTED, VECTORS_SOUND, POINTS_EQUAL)


@dataclass(slots=True)
class _Tally:
    looked_at: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list[str])

    def count(self, broken: Iterable[str], *, looked_at: int) -> None:
        self.looked_at += looked_at
        for example in broken:
            self.broken += 1
            if len(self.examples) < MAX_EXAMPLES:
                self.examples.append(example)


def check_blocks(
    collection: str,
    blocks: Iterable[int],
    names: frozenset[str],
    *,
    catalog: "Catalog",
    parts: "PartStore",
    writer: "QdrantWriter",
) -> Iterator[CheckOutcome]:
    """Yield one outcome a check in ``names`` over all ``blocks``; memory is bounded by some hundred documents."""
    wanted = [check for check in CHECKS if check.name in names]
    tallies = {check.name: _Tally() for check in wanted}
    if tallies:
        looker = _Looker(collection, catalog=catalog, parts=parts, writer=writer)
        for block in blocks:
            looker.look(block, tallies)
    for check in wanted:
        tally = tallies[check.name]
        summary = f"{tally.broken} of {tally.looked_at} break it." if tally.broken else f"Holds for {tally.looked_at}."
        yield CheckOutcome(
            check=check,
            passed=not tally.broken,
            summary=summary,
            numbers={"looked_at": tally.looked_at, "broken": tally.broken},
            examples=tuple(tally.examples),
        )


class _Looker:
    def __init__(self, collection: str, *, catalog: "Catalog", parts: "PartStore", writer: "QdrantWriter") -> None:
        self._collection = collection
        self._catalog = catalog
        self._parts = parts
        self._writer = writer

    def look(self, block: int, tallies: Mapping[str, _Tally]) -> None:
        """Add what one block shows to the tallies."""
        documents = self._catalog.queries.indexed_in_block(self._collection, block)
        if NOTHING_QUARANTINED.name in tallies:
            counts = self._catalog.queries.block_counts(self._collection, block)
            failed = counts[ArrivalState.QUARANTINED]
            examples = [f"{failed} arrivals of block {block}"] * min(failed, 1)
            tallies[NOTHING_QUARANTINED.name].count(examples, looked_at=sum(counts.values()))
        for start in range(0, len(documents), _DOCUMENTS_AT_ONCE):
            self._look_at(block, documents[start : start + _DOCUMENTS_AT_ONCE], tallies)

    def _look_at(self, block: int, documents: "Sequence[DocumentRow]", tallies: Mapping[str, _Tally]) -> None:
        arrivals = {row.indexed_arrival: row for row in documents if row.indexed_arrival is not None}
        if ROWS_NAMED.name in tallies:
            rows = self._rows(block, "documents", arrivals, ["document_id"])
            broken = (row.uri for number, row in arrivals.items() if len(rows.get(number, ())) != 1)
            tallies[ROWS_NAMED.name].count(broken, looked_at=len(arrivals))
        if CHUNKS_COUNTED.name in tallies:
            chunks = self._rows(block, "chunks", arrivals, ["point_id"])
            broken = (row.uri for number, row in arrivals.items() if len(chunks.get(number, ())) != row.chunks)
            tallies[CHUNKS_COUNTED.name].count(broken, looked_at=len(arrivals))
        if VECTORS_SOUND.name in tallies:
            self._look_at_vectors(block, arrivals, tallies[VECTORS_SOUND.name])
        if POINTS_EQUAL.name in tallies:
            self._compare_points(block, arrivals, tallies[POINTS_EQUAL.name])

    def _look_at_vectors(self, block: int, arrivals: "Mapping[int, DocumentRow]", tally: _Tally) -> None:
        active = self._writer.spec_of(self._collection)
        dimension = active[1].dimension if active else 0
        for number, rows in self._rows(block, "embeddings", arrivals, ["point_id", "dense"]).items():
            lengths = [(row["point_id"], np.asarray(row["dense"], np.float32)) for row in rows]
            broken = (
                f"{arrivals[number].uri} point {point}: dimension {vector.size}, norm {np.linalg.norm(vector):.4f}"
                for point, vector in lengths
                if vector.size != dimension or abs(float(np.linalg.norm(vector)) - 1) > NORM_TOLERANCE
            )
            tally.count(broken, looked_at=len(rows))

    def _compare_points(self, block: int, arrivals: "Mapping[int, DocumentRow]", tally: _Tally) -> None:
        active = self._writer.spec_of(self._collection)
        by_document = {row.document_id: number for number, row in arrivals.items()}
        present = self._writer.points_of(active[0], list(by_document)) if active else {}
        rows = self._rows(block, "embeddings", arrivals, ["point_id"])
        for document, number in by_document.items():
            wanted = {UUID(str(row["point_id"])) for row in rows.get(number, ())}
            held = set(present.get(document, {}))
            difference = f"{arrivals[number].uri}: {len(wanted - held)} points missing, {len(held - wanted)} too many"
            tally.count([difference] if wanted != held else [], looked_at=1)

    def _rows(
        self, block: int, asset: str, arrivals: Mapping[int, object], columns: Sequence[str]
    ) -> dict[int, list[dict[str, object]]]:
        """Return the asked columns of the arrivals' rows, by arrival; a file that is gone has none."""
        named = self._catalog.parts.files(self._collection, block, asset)
        files = {number: file for number, file in named.items() if number in arrivals}
        found: dict[int, list[dict[str, object]]] = {}
        for file in sorted(set(files.values())):
            try:
                numbers = [number for number, held in files.items() if held == file]
                for table in self._parts.read(file, arrivals=numbers, columns=columns):
                    for row in table.to_pylist():
                        found.setdefault(row["arrival"], []).append(row)
            except FileNotFoundError:
                continue
        return found
