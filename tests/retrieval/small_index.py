"""A small real index: documents as a test writes them, put into a vector store the way ingestion does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from qdrant_client import QdrantClient

from rag_core.analyzer import ANALYZER_VERSION
from rag_core.collection import PayloadField
from rag_core.embedding import Embedder
from rag_core.identity import Json, document_id, point_id
from rag_core.index_spec import IndexSpec, Payload
from rag_core.sparse import Bm25, SparseVector
from rag_core.vector_index import IndexWrite, IndexWriter, PointWrite
from resources.clients.qdrant.writing import QdrantWriter

FIELDS = (
    PayloadField(name="team"),
    PayloadField(name="year", type="integer"),
    PayloadField(name="price", type="float"),
    PayloadField(name="reviewed", type="bool"),
    PayloadField(name="written", type="datetime"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """A document of one chunk a text."""

    uri: str
    texts: Sequence[str]
    metadata: Mapping[str, Json] = field(default_factory=dict)
    groups: Sequence[str] = ("*",)
    page: int | None = None


def spec_of(embedder: Embedder) -> IndexSpec:
    return IndexSpec(
        model=embedder.name,
        model_identity=embedder.identity,
        dimension=embedder.dimension,
        analyzer=ANALYZER_VERSION,
    )


def id_of(collection: str, doc: Doc) -> UUID:
    return document_id(collection, doc.uri)


def write_index(client: QdrantClient, collection: str, embedder: Embedder, docs: Sequence[Doc]) -> str:
    """Make the index in Qdrant if there is none, write the documents, return the physical name."""
    return write_docs(QdrantWriter(client), collection, embedder, docs)


def write_docs(writer: IndexWriter, collection: str, embedder: Embedder, docs: Sequence[Doc]) -> str:
    """Make the index if there is none, write the documents, return the physical name."""
    spec = spec_of(embedder)
    physical = writer.ensure(collection, spec, FIELDS)
    writer.apply(physical, IndexWrite(upserts=[p for doc in docs for p in _points(collection, doc, embedder, spec)]))
    return physical


def _points(collection: str, doc: Doc, embedder: Embedder, spec: IndexSpec) -> list[PointWrite]:
    document = id_of(collection, doc)
    bm25 = Bm25(k1=spec.bm25_k1, b=spec.bm25_b, average_length=spec.bm25_average_length)
    points: list[PointWrite] = []
    at = 0
    for ordinal, text in enumerate(doc.texts):
        sparse = bm25.document(text)
        payload: dict[str, Json] = {
            Payload.TEXT: text,
            Payload.ORDINAL: ordinal,
            Payload.START: at,
            Payload.END: at + len(text),
            Payload.FIRST_PAGE: doc.page,
            Payload.LAST_PAGE: doc.page,
            Payload.HEADING_PATH: ["Chapter"],
            Payload.EMBEDDING_KEY: "k",
            Payload.DOCUMENT_ID: str(document),
            Payload.URI: doc.uri,
            Payload.VERSION: "sha256:1",
            Payload.TITLE: doc.uri.rsplit("/", 1)[-1],
            Payload.MEDIA_TYPE: "text/plain",
            Payload.METADATA: dict(doc.metadata),
            Payload.ALLOWED_GROUPS: list(doc.groups),
            Payload.DOCUMENT_KEY: "d",
            Payload.MADE_BY_ARRIVAL: 7,
            Payload.MADE_BY_RUN: "run-made",
            Payload.MADE_AT: "2026-01-01T00:00:00+00:00",
            Payload.CONFIRMED_BY_ARRIVAL: 9,
            Payload.CONFIRMED_BY_RUN: "run-confirmed",
            Payload.MODEL: spec.model_identity,
            Payload.PARSER: "text/1",
            Payload.CODE_VERSION: "c0de",
        }
        points.append(
            PointWrite(
                point_id=point_id(document, text, 0),
                dense=[float(value) for value in embedder.embed_documents([text])[0]],
                sparse=SparseVector(indices=sparse.indices, values=sparse.values),
                payload=payload,
            )
        )
        at += len(text) + 2
    return points
