"""Chunks of a document: taken over where its text, places and title are those they were cut from, cut where not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from rag_core.chunking import chunk_document, embedding_text
from rag_core.collection import Chunking
from rag_core.embedding import Embedder
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.identity import embedding_key, point_id
from rag_core.rows import ChunkRow
from resources.ingestion.parsed_rows import made_from, parsed_of
from resources.ingestion.work import ChunkedDocument, ReadDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunker:
    """Cuts documents by the collection's chunking, in the tokens of the index's model."""

    chunking: Chunking
    embedder: Callable[[], Embedder]

    def chunk(self, document: ReadDocument, known: Sequence[ChunkRow], *, remake: bool) -> ChunkedDocument:
        """Return the document's chunks; ``known`` are the latest rows stored for it, this arrival's or an older one's.

        Raises ``DocumentRejected`` (no text) when nothing is left to search.
        """
        origin = made_from(document.row)
        if known and not remake and all(row.made_from == origin for row in known):
            stored = known[0].arrival == document.arrival.number
            rows = known if stored else [replace(row, arrival=document.arrival.number) for row in known]
            return ChunkedDocument(document=document, rows=rows, stored=stored, reused=True)
        return ChunkedDocument(document=document, rows=self._cut(document, origin), stored=False, reused=False)

    def _cut(self, document: ReadDocument, origin: str) -> list[ChunkRow]:
        parsed = parsed_of(document.row)
        rows: list[ChunkRow] = []
        owner = UUID(document.row.document_id)
        for chunk in chunk_document(parsed, self.chunking, self.embedder()):
            seen = embedding_text(
                title=parsed.title,
                heading_path=chunk.heading_path,
                text=chunk.text,
                chunking=self.chunking,
                model=self.embedder(),
            )
            rows.append(
                ChunkRow(
                    arrival=document.arrival.number,
                    document_id=document.row.document_id,
                    point_id=str(point_id(owner, chunk.text, chunk.occurrence)),
                    ordinal=chunk.ordinal,
                    made_from=origin,
                    start=chunk.start,
                    end=chunk.end,
                    first_page=chunk.first_page,
                    last_page=chunk.last_page,
                    heading_path=chunk.heading_path,
                    text=chunk.text,
                    embedding_key=embedding_key(seen),
                )
            )
        if not rows:
            raise DocumentRejected(
                QuarantineKind.NO_TEXT, "Nothing in the document can be searched.", remedy="Run it through OCR."
            )
        return rows
