"""Vectors for chunks: taken over where the same text was embedded before, made where it was not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from rag_core.chunking import embedding_text
from rag_core.collection import Chunking
from rag_core.embedding import Embedder, Vectors
from rag_core.errors import DependencyUnavailable, RagError
from rag_core.index_spec import IndexSpec
from rag_core.rows import ChunkRow, EmbeddingRow
from rag_core.sparse import Bm25
from resources.clients.catalog.values import DueArrival, FoundPart
from resources.clients.parquet_parts import PartStore
from resources.ingestion.parsed_rows import context_title
from resources.ingestion.tables import read_rows
from resources.ingestion.work import ChunkedDocument, EmbeddedDocument

_TEXTS_AT_ONCE = 256
_ANY_TEXT = "Does the model still answer?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A micro-batch with vectors; ``made`` chunks were embedded now, ``reused`` took a vector over."""

    documents: Sequence[EmbeddedDocument]
    made: int
    reused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkEmbedder:
    """Gives every chunk of a micro-batch its vectors."""

    parts: PartStore
    spec: IndexSpec
    chunking: Chunking
    embedder: Callable[[], Embedder]
    run_id: str
    code_version: str
    clock: Callable[[], datetime]
    before_embedding: Callable[[], None]
    on_progress: Callable[[int, int], None]
    same_content: Callable[[Sequence[str]], Mapping[str, FoundPart]]

    def embed(self, chunked: Sequence[ChunkedDocument], found: Mapping[UUID, FoundPart], *, remake: bool) -> Embedded:
        """Return the documents with vectors, taking them from the cheapest place that has them.

        1. This arrival's own stored rows, if they fit its chunks: nothing is loaded until a point needs it.
        2. The rows of the document's version before (``found``), by embedding key.
        3. The rows of any document with the same bytes, under whatever name.
        4. An equal text elsewhere in this micro-batch.
        5. The model: sorted by length, a bounded number of texts at once.
        """
        stored = {} if remake else self._stored(chunked, found)
        others = [one for one in chunked if one.arrival.number not in stored]
        known = {} if remake else self._known(others, found)
        if not remake:
            self._add_copies(others, known)
        missing: dict[str, tuple[str, int]] = {}
        for one in others:
            for row in one.rows:
                if row.embedding_key not in known.get(one.arrival.number, {}):
                    missing.setdefault(row.embedding_key, (self._text(one, row), one.arrival.number))
        fresh = self._made(missing)
        documents = [
            EmbeddedDocument(
                chunked=one,
                vectors={**known.get(one.arrival.number, {}), **_of(one, fresh)},
                stored_in=stored.get(one.arrival.number, ""),
            )
            for one in chunked
        ]
        chunks = sum(len(one.rows) for one in chunked)
        return Embedded(documents=documents, made=len(fresh), reused=chunks - len(fresh))

    def only_stored(
        self, chunked: Sequence[ChunkedDocument], found: Mapping[UUID, FoundPart], skipped: list[DueArrival]
    ) -> list[EmbeddedDocument]:
        """Return the documents whose vectors are stored for this arrival; the others are added to ``skipped``."""
        stored = self._stored(chunked, found)
        skipped += [one.document.task for one in chunked if one.arrival.number not in stored]
        return [
            EmbeddedDocument(chunked=one, vectors={}, stored_in=stored[one.arrival.number])
            for one in chunked
            if one.arrival.number in stored
        ]

    def _stored(self, chunked: Sequence[ChunkedDocument], found: Mapping[UUID, FoundPart]) -> dict[int, str]:
        own = {
            one.arrival.number: found[one.arrival.document_id].file
            for one in chunked
            if one.arrival.document_id in found and found[one.arrival.document_id].arrival == one.arrival.number
        }
        keys: dict[int, set[tuple[str, int, str]]] = {}
        for file in sorted(set(own.values())):
            arrivals = [number for number, place in own.items() if place == file]
            try:
                for table in self.parts.read(file, arrivals=arrivals, columns=["point_id", "ordinal", "embedding_key"]):
                    for number, point, ordinal, key in zip(
                        *(column.to_pylist() for column in table.columns), strict=True
                    ):
                        keys.setdefault(number, set()).add((point, ordinal, key))
            except FileNotFoundError:
                continue
        return {
            one.arrival.number: own[one.arrival.number]
            for one in chunked
            if one.arrival.number in keys
            and keys[one.arrival.number] == {(row.point_id, row.ordinal, row.embedding_key) for row in one.rows}
        }

    def _known(
        self, chunked: Sequence[ChunkedDocument], found: Mapping[UUID, FoundPart]
    ) -> dict[int, dict[str, EmbeddingRow]]:
        """Return, by arrival and embedding key, the rows that the documents' versions before have for their chunks."""
        places = {
            one.arrival.number: found[one.arrival.document_id] for one in chunked if one.arrival.document_id in found
        }
        return self._rows_at(chunked, places)

    def _add_copies(self, chunked: Sequence[ChunkedDocument], known: dict[int, dict[str, EmbeddingRow]]) -> None:
        """Add to ``known`` the rows that other documents with the same bytes have for chunks still without any."""
        lacking = [
            one
            for one in chunked
            if any(row.embedding_key not in known.get(one.arrival.number, {}) for row in one.rows)
        ]
        if not lacking:
            return
        copies = self.same_content(sorted({one.document.row.content_sha256 for one in lacking}))
        places = {
            one.arrival.number: copies[one.document.row.content_sha256]
            for one in lacking
            if one.document.row.content_sha256 in copies
        }
        for number, rows in self._rows_at(lacking, places).items():
            known[number] = {**rows, **known.get(number, {})}

    def _rows_at(
        self, chunked: Sequence[ChunkedDocument], places: Mapping[int, FoundPart]
    ) -> dict[int, dict[str, EmbeddingRow]]:
        """Return the rows at the places of the documents' arrivals, those whose embedding keys their chunks have."""
        at = read_rows(self.parts, EmbeddingRow, {part.arrival: part.file for part in places.values()})
        known: dict[int, dict[str, EmbeddingRow]] = {}
        for one in chunked:
            part = places.get(one.arrival.number)
            wanted = {row.embedding_key for row in one.rows}
            rows = at.get(part.arrival, []) if part is not None else []
            known[one.arrival.number] = {row.embedding_key: row for row in rows if row.embedding_key in wanted}
        return known

    def _text(self, one: ChunkedDocument, row: ChunkRow) -> str:
        return embedding_text(
            title=context_title(one.document.row),
            heading_path=row.heading_path,
            text=row.text,
            chunking=self.chunking,
            model=self.embedder(),
        )

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; a model that fails with any text is away, one that fails with these is not."""
        embedder = self.embedder()
        try:
            return np.asarray(embedder.embed_documents(texts), dtype=np.float32)
        except RagError:
            raise
        except Exception as error:
            try:
                embedder.embed_documents([_ANY_TEXT])
            except Exception as broken:  # noqa: BLE001 - whatever it is, it is the model's and no document's
                raise DependencyUnavailable(
                    f"The embedding model {embedder.name} fails with every text: {broken}",
                    dependency="embedding model",
                    remedy="See the run's log for its own words; memory and the GPU's state are the usual causes.",
                ) from error
            raise

    def _made(self, missing: Mapping[str, tuple[str, int]]) -> dict[str, EmbeddingRow]:
        made: dict[str, EmbeddingRow] = {}
        ordered = sorted(missing.items(), key=lambda item: (len(item[1][0]), item[0]))
        bm25 = Bm25(k1=self.spec.bm25_k1, b=self.spec.bm25_b, average_length=self.spec.bm25_average_length)
        for start in range(0, len(ordered), _TEXTS_AT_ONCE):
            self.before_embedding()
            self.on_progress(start, len(ordered))
            piece = ordered[start : start + _TEXTS_AT_ONCE]
            dense = self._vectors([text for _, (text, _) in piece])
            now = self.clock().isoformat()
            for (key, (text, arrival)), vector in zip(piece, dense, strict=True):
                sparse = bm25.document(text)
                made[key] = EmbeddingRow(
                    arrival=arrival,
                    document_id="",
                    point_id="",
                    ordinal=0,
                    embedding_key=key,
                    dense=vector,
                    sparse_indices=sparse.indices,
                    # As the index and Parquet hold them: the same vector must come from either.
                    sparse_values=np.asarray(sparse.values, np.float32).tolist(),
                    model=self.spec.model_identity,
                    made_by_arrival=arrival,
                    made_by_run=self.run_id,
                    made_at=now,
                    code_version=self.code_version,
                )
        return made


def _of(one: ChunkedDocument, fresh: Mapping[str, EmbeddingRow]) -> dict[str, EmbeddingRow]:
    return {row.embedding_key: fresh[row.embedding_key] for row in one.rows if row.embedding_key in fresh}
