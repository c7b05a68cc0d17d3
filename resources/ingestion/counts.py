"""What a run counts: plain numbers with stable keys, so that the UI plots them across partitions."""

from dataclasses import dataclass, fields
from enum import StrEnum


class Layer(StrEnum):
    """The four layers of a collection, in the order in which text passes through them."""

    DOCUMENTS = "documents"
    CHUNKS = "chunks"
    EMBEDDINGS = "embeddings"
    VECTORS = "vectors"


ALL_LAYERS: frozenset[str] = frozenset(Layer)


@dataclass(slots=True, kw_only=True)
class Counts:
    """Running totals of one run; every field is a plain number and its name a stable metadata key.

    Each arrival that a run begins ends in exactly one of indexed, unchanged, superseded, deleted, quarantined,
    retrying, still_due or stored (a run without the ``vectors`` layer only stores rows). ``source_away`` are those of
    still_due whose source could not be looked at, ``left_for_vectors`` those rejected or gone, which only a run with
    the ``vectors`` layer writes down.
    """

    arrivals: int = 0
    indexed: int = 0
    unchanged: int = 0
    superseded: int = 0
    deleted: int = 0
    quarantined: int = 0
    retrying: int = 0
    still_due: int = 0
    stored: int = 0
    source_away: int = 0
    left_for_vectors: int = 0

    downloaded: int = 0
    source_bytes: int = 0
    parsed: int = 0
    parse_skipped: int = 0
    text_bytes: int = 0
    read_s: float = 0.0

    chunks: int = 0
    chunks_reused: int = 0
    chunk_s: float = 0.0

    embedded: int = 0
    vectors_reused: int = 0
    embed_s: float = 0.0

    points_written: int = 0
    points_moved: int = 0
    points_deleted: int = 0
    documents_described: int = 0
    write_s: float = 0.0

    part_files: int = 0
    part_bytes: int = 0
    total_s: float = 0.0

    def add(self, other: "Counts") -> None:
        """Add another's numbers to these."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


_KEYS: dict[Layer, tuple[str, ...]] = {
    Layer.DOCUMENTS: (
        "arrivals",
        "superseded",
        "deleted",
        "quarantined",
        "retrying",
        "still_due",
        "source_away",
        "left_for_vectors",
        "downloaded",
        "source_bytes",
        "parsed",
        "parse_skipped",
        "text_bytes",
        "read_s",
    ),
    Layer.CHUNKS: ("chunks", "chunks_reused", "chunk_s"),
    Layer.EMBEDDINGS: ("chunks", "embedded", "vectors_reused", "embed_s"),
    Layer.VECTORS: (
        "indexed",
        "unchanged",
        "superseded",
        "deleted",
        "points_written",
        "points_moved",
        "points_deleted",
        "documents_described",
        "write_s",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTotals:
    """What a layer of a block amounts to after the run, all runs together: rows, part files, bytes, arrivals."""

    rows: int
    files: int
    bytes: int
    arrivals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one run did to one block: its own share (``counts``) and the block's totals per layer.

    ``yaml_differs`` says that the collection's file asks for another index than the one that serves;
    ``remaining_due`` is what is still due in the block (a retry's time to come, an object that keeps changing);
    ``lost_documents`` were made due because the index they were in was gone.
    """

    collection: str
    partition: int
    counts: Counts
    block: dict[str, BlockTotals]
    index: str
    yaml_differs: str = ""
    claim_lost: bool = False
    folded_files: int = 0
    remaining_due: int = 0
    lost_documents: int = 0

    def metadata(self, layer: str) -> dict[str, int | float]:
        """Return a layer's numbers: ``run_*`` is the run's share (rates too), ``block_*`` the block's totals."""
        numbers: dict[str, int | float] = {
            f"run_{key}": round(getattr(self.counts, key), 3) for key in _KEYS[Layer(layer)]
        }
        numbers |= {f"run_{key}": round(value, 2) for key, value in self._rates(Layer(layer)).items()}
        totals = self.block.get(layer)
        if totals is not None:
            numbers |= {f"block_{field.name}": getattr(totals, field.name) for field in fields(totals)}
        return numbers

    def _rates(self, layer: Layer) -> dict[str, float]:
        counts = self.counts
        work, seconds, name = {
            Layer.DOCUMENTS: (counts.parsed + counts.parse_skipped, counts.read_s, "documents_per_s"),
            Layer.CHUNKS: (counts.chunks, counts.chunk_s, "chunks_per_s"),
            Layer.EMBEDDINGS: (counts.embedded, counts.embed_s, "embedded_per_s"),
            Layer.VECTORS: (counts.points_written, counts.write_s, "points_per_s"),
        }[layer]
        return {name: work / seconds if seconds > 0 else 0.0}
