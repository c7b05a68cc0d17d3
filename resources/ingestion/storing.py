"""A micro-batch's rows as three durable part files, then their names in the catalog in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag_core.rows import ChunkRow, DocumentRow, EmbeddingRow
from resources.clients.catalog.parts import Parts
from resources.clients.catalog.values import NewPart
from resources.clients.parquet_parts import PartStore, WrittenPart
from resources.ingestion.tables import table_of
from resources.ingestion.work import ChunkedDocument, EmbeddedDocument, ReadDocument

_ROWS_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStore:
    """Stores the rows of one run's micro-batches for one block."""

    parts: PartStore
    names: Parts
    collection: str
    partition: int
    fingerprints: Mapping[str, str]
    name_of: Callable[[int], str]

    def store(
        self,
        sequence: int,
        *,
        read: Sequence[ReadDocument],
        chunked: Sequence[ChunkedDocument],
        embedded: Sequence[EmbeddedDocument],
        before_naming: Callable[[], None],
    ) -> list[WrittenPart]:
        """Write what is not stored yet and return the new parts.

        1. Write each asset's part, synced: a name must never point at bytes that a power cut can take.
        2. Name all of them in one transaction: no reader sees chunks of one version beside embeddings of another.
           A crash before it leaves unnamed files, which are garbage.
        """
        written: list[tuple[str, WrittenPart]] = []
        new_documents = sorted((one for one in read if not one.stored), key=lambda one: one.arrival.number)
        new_chunks = sorted((one for one in chunked if not one.stored), key=lambda one: one.arrival.number)
        new_vectors = sorted((one for one in embedded if not one.stored_in), key=lambda one: one.chunked.arrival.number)
        name = self.name_of(sequence)
        for asset, tables, count in (
            ("documents", (table_of([one.row], DocumentRow) for one in new_documents), len(new_documents)),
            ("chunks", (table_of(one.rows, ChunkRow) for one in new_chunks), len(new_chunks)),
            ("embeddings", (table_of(rows, EmbeddingRow) for rows in _embedding_rows(new_vectors)), len(new_vectors)),
        ):
            if count:
                part = self.parts.write(
                    collection=self.collection, partition=self.partition, asset=asset, name=name, tables=tables
                )
                written.append((asset, part))
        before_naming()
        if written:
            self.names.name(
                self.collection,
                self.partition,
                [
                    NewPart(
                        asset=asset,
                        fingerprint=self.fingerprints[asset],
                        file=part.file,
                        rows=part.rows,
                        bytes=part.bytes,
                        arrivals=part.arrivals,
                    )
                    for asset, part in written
                ],
            )
        return [part for _, part in written]


def _embedding_rows(documents: Sequence[EmbeddedDocument]) -> Iterator[list[EmbeddingRow]]:
    for one in documents:
        chunks = one.chunked.rows
        for start in range(0, len(chunks), _ROWS_AT_ONCE):
            yield [
                replace(
                    one.vectors[row.embedding_key],
                    arrival=row.arrival,
                    document_id=row.document_id,
                    point_id=row.point_id,
                    ordinal=row.ordinal,
                )
                for row in chunks[start : start + _ROWS_AT_ONCE]
            ]
