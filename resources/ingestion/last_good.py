"""The rows of the version that answers, for when a newer one died half way into the index and then failed for good."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_core.rows import ChunkRow, DocumentRow
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DueArrival
from resources.clients.parquet_parts import PartStore
from resources.ingestion.parsed_rows import made_from
from resources.ingestion.tables import read_rows
from resources.ingestion.work import ChunkedDocument, EmbeddedDocument, ReadDocument

_ASSETS = ("documents", "chunks", "embeddings")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastGoodRows:
    """Finds rows by the number of the arrival that was indexed."""

    collection: str
    catalog: Catalog
    parts: PartStore

    def find(self, task: DueArrival, number: int) -> EmbeddedDocument | None:
        """Return the document as arrival ``number`` left it; None when not all of its rows are stored any more."""
        partition = self._partition_of(number)
        if partition is None:
            return None
        files = {asset: self.catalog.parts.files(self.collection, partition, asset) for asset in _ASSETS}
        if not all(number in held for held in files.values()):
            return None
        documents = read_rows(self.parts, DocumentRow, {number: files["documents"][number]}).get(number)
        chunks = read_rows(self.parts, ChunkRow, {number: files["chunks"][number]}).get(number)
        if not documents or not chunks or any(chunk.made_from != made_from(documents[0]) for chunk in chunks):
            return None
        if not self._fit(chunks, files["embeddings"][number], number):
            return None
        then = replace(task, arrival=replace(task.arrival, number=number))
        read = ReadDocument(task=then, row=documents[0], stored=True, parsed=False)
        chunked = ChunkedDocument(document=read, rows=chunks, stored=True, reused=True)
        return EmbeddedDocument(chunked=chunked, vectors={}, stored_in=files["embeddings"][number])

    def _fit(self, chunks: Sequence[ChunkRow], file: str, number: int) -> bool:
        """Say whether there is a vector for exactly these chunks: points that could not be written must not go."""
        held: set[tuple[str, str]] = set()
        try:
            for table in self.parts.read(file, arrivals=[number], columns=["point_id", "embedding_key"]):
                points, keys = (table.column(name).to_pylist() for name in ("point_id", "embedding_key"))
                held |= set(zip(points, keys, strict=True))
        except FileNotFoundError:
            return False
        return held == {(chunk.point_id, chunk.embedding_key) for chunk in chunks}

    def _partition_of(self, number: int) -> int | None:
        after = -1
        while blocks := self.catalog.queries.blocks(self.collection, after=after):
            for block in blocks:
                if block.first_number <= number < block.first_number + block.arrivals:
                    return block.partition
            after = blocks[-1].partition
        return None
