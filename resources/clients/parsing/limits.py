"""What one document may cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # workers do without pydantic
    from rag_core.collection import Limits

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseLimits:
    """Bounds on one document; beyond one of them it is rejected with that limit's kind and name.

    ``max_memory_bytes`` counts the whole worker, about 60 MiB of which are its libraries. ``skipped_pages`` are left
    out because an earlier attempt did not survive them.
    """

    timeout_s: float = 60
    max_memory_bytes: int = 1024 * MIB
    max_document_bytes: int = 128 * MIB
    max_text_bytes: int = 64 * MIB
    max_pages: int = 20_000
    skipped_pages: Sequence[int] = ()

    @classmethod
    def of_collection(cls, limits: "Limits") -> "ParseLimits":
        """Return the limits that a collection's file declares."""
        return cls(
            timeout_s=limits.parse_timeout_s,
            max_memory_bytes=limits.parse_memory_bytes,
            max_document_bytes=limits.max_document_bytes,
            max_text_bytes=limits.max_text_bytes,
            max_pages=limits.max_pages,
        )

    def __post_init__(self) -> None:
        """Refuse limits under which no document could be read."""
        if self.timeout_s <= 0 or self.max_memory_bytes < 64 * MIB:
            message = "a worker needs a positive timeout_s and at least 64 MiB of memory"
            raise ValueError(message)
        if min(self.max_document_bytes, self.max_text_bytes, self.max_pages) < 1:
            message = "max_document_bytes, max_text_bytes and max_pages must be positive"
            raise ValueError(message)
