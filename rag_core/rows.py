"""What rests in Parquet: the columns of the three assets and the rows that fill them.

The column lists are the contract: the part store builds its schemas from them and Dagster shows them. A row carries
the number of its arrival, so that the rows of one arrival can be found, copied and replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag_core.collection import Chunking
from rag_core.identity import Json, fingerprint
from rag_core.index_spec import IndexSpec

ColumnType: TypeAlias = Literal["int64", "string", "strings", "json", "floats", "uints"]

ARRIVAL = "arrival"
DOCUMENT_ID = "document_id"
POINT_ID = "point_id"
ORDINAL = "ordinal"
EMBEDDING_KEY = "embedding_key"
DENSE = "dense"
"""Columns that readers ask for by name; a literal anywhere else is a defect."""

ROWS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: ``json`` is a string that holds JSON, ``strings``, ``floats`` and ``uints`` are lists (32 bit)."""

    name: str
    type: ColumnType
    description: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """One document's text and where it came from; ``text`` and its places are what the parser gave."""

    arrival: int
    document_id: str
    uri: str
    source: str
    key: str
    etag: str
    version_id: str | None
    sidecar_etag: str
    modified_at: str
    size_bytes: int
    content_sha256: str
    media_type: str
    parser: str
    parsed_title: str
    title: str
    text: str
    pages: str
    headings: str
    blocks: str
    parsed_metadata: str
    metadata: str
    allowed_groups: Sequence[str] | None
    read_at: str
    run_id: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """One chunk: its text, its span in the document's text, and the key of what the encoders will see."""

    arrival: int
    document_id: str
    point_id: str
    ordinal: int
    made_from: str
    start: int
    end: int
    first_page: int | None
    last_page: int | None
    heading_path: Sequence[str]
    text: str
    embedding_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRow:
    """One chunk's vectors and which arrival and run made them; reused vectors keep their makers."""

    arrival: int
    document_id: str
    point_id: str
    ordinal: int
    embedding_key: str
    dense: Sequence[float]
    sparse_indices: Sequence[int]
    sparse_values: Sequence[float]
    model: str
    made_by_arrival: int
    made_by_run: str
    made_at: str
    code_version: str


def _column(name: str, kind: ColumnType, description: str, *, optional: bool = False) -> Column:
    return Column(name=name, type=kind, description=description, optional=optional)


_OF_ARRIVAL = (
    _column(ARRIVAL, "int64", "Number of the arrival that these rows belong to."),
    _column(DOCUMENT_ID, "string", "Computed id of the document (UUID)."),
)
_OF_CHUNK = (
    *_OF_ARRIVAL,
    _column(POINT_ID, "string", "Computed id of the chunk's point in the index (UUID)."),
    _column(ORDINAL, "int64", "Place of the chunk in its document, from 0."),
)

DOCUMENT_COLUMNS: tuple[Column, ...] = (
    *_OF_ARRIVAL,
    _column("uri", "string", "Canonical URI of the document."),
    _column("source", "string", "Name of the source in the collection's file."),
    _column("key", "string", "Key of the object, relative to the source's root."),
    _column("etag", "string", "ETag of the object as it was read."),
    _column("version_id", "string", "Version id of the object as it was read.", optional=True),
    _column(
        "sidecar_etag",
        "string",
        "ETag of the sidecar with the metadata, and what changes with a message's; empty without.",
    ),
    _column("modified_at", "string", "When the object was modified, ISO 8601."),
    _column("size_bytes", "int64", "Size of the object."),
    _column("content_sha256", "string", "SHA-256 of the object's bytes."),
    _column("media_type", "string", "What the parser took the bytes for."),
    _column("parser", "string", "Parser and its version."),
    _column("parsed_title", "string", "Title the parser found."),
    _column("title", "string", "Title after the metadata rules."),
    _column("text", "string", "The document's text; all spans are offsets into it."),
    _column("pages", "json", "Page spans: [number, start, end]."),
    _column("headings", "json", "Headings: [level, text, start, end]."),
    _column("blocks", "json", "Code and tables: [kind, start, end]."),
    _column("parsed_metadata", "json", "What the parser found: front matter, PDF or HTML metadata."),
    _column("metadata", "json", "Metadata after the collection's rules."),
    _column("allowed_groups", "strings", "Groups that may find the document; null: the default.", optional=True),
    _column("read_at", "string", "When the object was read, ISO 8601."),
    _column("run_id", "string", "Run that read it."),
    _column("code_version", "string", "Version of the code that read it."),
)

CHUNK_COLUMNS: tuple[Column, ...] = (
    *_OF_CHUNK,
    _column("made_from", "string", "Fingerprint of the title, text and places that the chunks were cut from."),
    _column("start", "int64", "First character of the chunk in the document's text."),
    _column("end", "int64", "Character after the chunk's last."),
    _column("first_page", "int64", "Page on which the chunk begins.", optional=True),
    _column("last_page", "int64", "Page on which the chunk ends.", optional=True),
    _column("heading_path", "strings", "Headings above the chunk, outermost first."),
    _column("text", "string", "The chunk's text."),
    _column(EMBEDDING_KEY, "string", "SHA-256 of everything the encoders see, title and headings included."),
)

EMBEDDING_COLUMNS: tuple[Column, ...] = (
    *_OF_CHUNK,
    _column(EMBEDDING_KEY, "string", "SHA-256 of everything the encoders saw."),
    _column(DENSE, "floats", "Dense vector, of length 1."),
    _column("sparse_indices", "uints", "Term indices of the sparse vector."),
    _column("sparse_values", "floats", "Term weights of the sparse vector."),
    _column("model", "string", "Identity of the weights that made the dense vector."),
    _column("made_by_arrival", "int64", "Arrival whose processing made the vectors."),
    _column("made_by_run", "string", "Run that made the vectors."),
    _column("made_at", "string", "When the vectors were made, ISO 8601."),
    _column("code_version", "string", "Version of the code that made the vectors."),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "documents": DOCUMENT_COLUMNS,
    "chunks": CHUNK_COLUMNS,
    "embeddings": EMBEDDING_COLUMNS,
}


def asset_fingerprints(*, chunking: Chunking, chunker: Json, spec: IndexSpec) -> dict[str, str]:
    """Return the spec fingerprints by which the catalog finds rows; a differing one means the rows are made again.

    ``chunker`` is whatever else decides where text is cut. Documents have none but the rows' own version: each row
    names its parser, so that a new version of one parser concerns that parser's documents alone. Embeddings leave
    the chunking out: a chunk that both chunkings cut alike keeps its vector.
    """
    chunks: Json = {"chunking": chunking.model_dump(mode="json"), "chunker": chunker, "model": spec.model_identity}
    return {
        "documents": fingerprint({"rows": ROWS_VERSION}),
        "chunks": fingerprint({"rows": ROWS_VERSION, "spec": chunks}),
        "embeddings": fingerprint({"rows": ROWS_VERSION, "spec": spec.to_json()}),
    }
