"""What a document is at each stage of a micro-batch: read, chunked, embedded, or failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag_core.arrivals import Arrival
from rag_core.errors import DocumentRejected, DocumentUnavailable, SourceAway, SourceChanged
from rag_core.objects import ObjectInfo
from rag_core.rows import ChunkRow, DocumentRow, EmbeddingRow
from resources.clients.catalog.values import DueArrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at an object and its sidecar; two looks that are equal saw the same version.

    ``sidecar_etag`` changes with what a message says of the object, too.
    """

    etag: str
    version_id: str | None
    modified_at: str
    size_bytes: int
    sidecar_etag: str
    info: ObjectInfo = field(compare=False, repr=False)
    sidecar_text: str | None = field(compare=False, repr=False)

    def saw(self, row: DocumentRow) -> bool:
        """Say whether a documents row was made from this version of object and sidecar."""
        return (self.etag, self.version_id, self.modified_at, self.sidecar_etag) == (
            row.etag,
            row.version_id,
            row.modified_at,
            row.sidecar_etag,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """A document's latest stored row, and the arrival for which it is named."""

    arrival: int
    row: DocumentRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """A document as it is now; ``stored``: its row is named in the catalog for this arrival already."""

    task: DueArrival
    row: DocumentRow
    stored: bool
    parsed: bool
    downloaded_bytes: int = 0

    @property
    def arrival(self) -> Arrival:
        """Return the arrival that asks."""
        return self.task.arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneDocument:
    """A look found nothing: the document is deleted, whatever its arrival announced."""

    task: DueArrival


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDocument:
    """A document that cannot go on, at whatever stage.

    ``groups`` are those that its present metadata allows (None: not known). ``look`` or ``row`` say which version of
    the object failed, so that the failure of one version is never written for another (both None: not known).
    """

    task: DueArrival
    error: DocumentRejected | DocumentUnavailable | SourceAway | SourceChanged
    groups: tuple[str, ...] | None = None
    look: Look | None = None
    row: DocumentRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedDocument:
    """A run over some layers found no fitting rows of the layers before: nothing is done, the arrival stays."""

    task: DueArrival


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedDocument:
    """A document with its chunks; ``stored``: exactly these rows are named for this arrival already."""

    document: ReadDocument
    rows: Sequence[ChunkRow]
    stored: bool
    reused: bool

    @property
    def arrival(self) -> Arrival:
        """Return the arrival that asks."""
        return self.document.task.arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedDocument:
    """A document whose chunks all have vectors: in ``vectors`` by embedding key, or in the file ``stored_in``."""

    chunked: ChunkedDocument
    vectors: Mapping[str, EmbeddingRow]
    stored_in: str = ""

    @property
    def task(self) -> DueArrival:
        """Return the work that asked for it."""
        return self.chunked.document.task


ReadResult = ReadDocument | GoneDocument | FailedDocument | SkippedDocument
