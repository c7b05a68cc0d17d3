"""The index contract, written once: what an index is made of and what its points carry.

Writers and readers both take their payload keys and vector names from here; a literal anywhere else is a defect.
"""

from dataclasses import asdict, dataclass
from typing import Self

from rag_core.identity import Json, fingerprint

DENSE = "dense"
SPARSE = "sparse"
LAYOUT_VERSION = 1


class Payload:
    """Keys of a point's payload.

    Place keys belong to the chunk, document keys to the document (one write for all its points), lineage keys say
    which arrival and run made the vector and which confirmed it last.
    """

    TEXT = "text"
    ORDINAL = "ordinal"
    START = "start"
    END = "end"
    FIRST_PAGE = "first_page"
    LAST_PAGE = "last_page"
    HEADING_PATH = "heading_path"
    EMBEDDING_KEY = "embedding_key"

    DOCUMENT_ID = "document_id"
    URI = "uri"
    VERSION = "version"
    TITLE = "title"
    MEDIA_TYPE = "media_type"
    METADATA = "metadata"
    ALLOWED_GROUPS = "allowed_groups"
    DOCUMENT_KEY = "document_key"
    """Fingerprint of all document keys together: differs = the document's share of the payload is written again."""

    MADE_BY_ARRIVAL = "made_by_arrival"
    MADE_BY_RUN = "made_by_run"
    MADE_AT = "made_at"
    CONFIRMED_BY_ARRIVAL = "confirmed_by_arrival"
    CONFIRMED_BY_RUN = "confirmed_by_run"
    MODEL = "model"
    PARSER = "parser"
    CODE_VERSION = "code_version"

    PLACE = (TEXT, ORDINAL, START, END, FIRST_PAGE, LAST_PAGE, HEADING_PATH)
    DOCUMENT = (DOCUMENT_ID, URI, VERSION, TITLE, MEDIA_TYPE, METADATA, ALLOWED_GROUPS, DOCUMENT_KEY, PARSER)
    MADE = (EMBEDDING_KEY, MADE_BY_ARRIVAL, MADE_BY_RUN, MADE_AT, MODEL, CODE_VERSION)
    CONFIRMED = (CONFIRMED_BY_ARRIVAL, CONFIRMED_BY_RUN)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """What every vector of an index has in common; a differing spec needs another physical index.

    ``model`` is the name users write, ``model_identity`` names the weights (name and digest). BM25's ``average_length``
    is in analyzed terms and fixed, so that a sparse vector never depends on what else is indexed.
    """

    model: str
    model_identity: str
    dimension: int
    distance: str = "cosine"
    analyzer: str
    bm25_k1: float = 1.2
    bm25_b: float = 0.75
    bm25_average_length: float = 60.0
    layout: int = LAYOUT_VERSION

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that name this spec."""
        return fingerprint(asdict(self))

    def physical_name(self, collection: str) -> str:
        """Return the physical index's name, ``<collection>--<fingerprint>``; readers use the alias ``collection``."""
        return f"{collection}--{self.fingerprint}"

    def to_json(self) -> dict[str, Json]:
        """Return the spec as it is stored with the index."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Json]) -> Self:
        """Read a stored spec back; raises ``TypeError`` when a field is missing or unknown."""
        return cls(**value)  # pyright: ignore[reportArgumentType] - the stored shape is our own to_json
