"""The manifest of a backup: written last and in one piece, it is what makes a folder of files a backup."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from rag_core.errors import ConfigurationError
from rag_core.identity import sha256_hex

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the backup, by its path there: its size and digest."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A table of the catalog: the columns that its file holds, in this order, and how many rows."""

    name: str
    columns: tuple[str, ...]
    rows: int
    stored: StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIndex:
    """An index as the catalog remembers it; its points are made from Parquet."""

    collection: str
    physical: str
    documents: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One backup: the catalog's version and tables, the Parquet files that it names, the indexes to be made."""

    format: int
    id: str
    made_at: str
    version: str
    schema: str
    months: tuple[str, ...]
    tables: tuple[StoredTable, ...]
    parts: tuple[StoredFile, ...]
    indexes: tuple[StoredIndex, ...]

    def to_bytes(self) -> bytes:
        """Return what is written: the manifest, and its own digest."""
        content = json.dumps(asdict(self), ensure_ascii=False)
        return json.dumps({"sha256": sha256_hex(content), "manifest": content}, indent=1).encode()

    @classmethod
    def from_bytes(cls, written: bytes, *, place: str) -> Self:
        """Read a manifest back; raises ``ConfigurationError`` where it is damaged or of a newer format."""
        try:
            outer: Mapping[str, Any] = json.loads(written)
            content = str(outer["manifest"])
            if sha256_hex(content) != outer["sha256"]:
                raise _damaged(place)
            inner = json.loads(content)
            if inner["format"] != FORMAT:
                raise ConfigurationError(
                    f"The backup in {place} has format {inner['format']}, this program reads {FORMAT}.",
                    remedy="Install the version of rag-assets that made it.",
                )
            return TypeAdapter(cls).validate_python(inner)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise _damaged(place) from error


def total_bytes(files: Sequence[StoredFile]) -> int:
    """Return how large files are together."""
    return sum(one.bytes for one in files)


def _damaged(place: str) -> ConfigurationError:
    return ConfigurationError(
        f"The manifest of the backup in {place} is damaged.", remedy="Restore from another backup."
    )
