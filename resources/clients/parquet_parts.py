"""The part store: Parquet files under a local folder or an ``s3://`` prefix, written once and never changed.

A part is named ``<collection>/<partition>/<asset>/part-<run>-<sequence>.parquet``, relative to the store's root. The
catalog says which parts count; a part that it does not name is garbage.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportUnknownLambdaType=false
# pyarrow ships no types.

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rag_core.errors import ConfigurationError, DependencyUnavailable, Permanent
from rag_core.identity import partition_key
from rag_core.rows import ARRIVAL, COLUMNS
from resources.clients.part_folders import BucketFolder, LocalFolder, PartFolder, StoredPart
from resources.clients.store_answers import reason_of

DEPENDENCY = "part store"
_PART = re.compile(r"[a-z][a-z0-9_]{1,47}/\d{6,}/[a-z]+/part-[A-Za-z0-9-]{1,80}\.parquet(\.\d+\.tmp)?")
_GROUP_ROWS = 4096
_GROUP_BYTES = 8 * 1024 * 1024


class PartUnreadable(FileNotFoundError):
    """A part's bytes make no sense: for whoever reads it, it is not there, and its rows are made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPart:
    """A durable part file: its name, rows, size in bytes and the arrivals whose rows it holds (sorted)."""

    file: str
    rows: int
    bytes: int
    arrivals: tuple[int, ...]


class PartStore:
    """Writes and reads part files; see the module for their names."""

    def __init__(self, folder: PartFolder) -> None:
        self._folder = folder

    def write(
        self, *, collection: str, partition: int, asset: str, name: str, tables: Iterable[pa.Table]
    ) -> WrittenPart:
        """Write one part and return when it is durable; ``tables`` come sorted by arrival and are never held together.

        Row groups are bounded in rows and bytes and carry statistics, so that a reader of some arrivals skips the rest.
        Raises ``DependencyUnavailable`` when the root is away or full.
        """
        file = f"{collection}/{partition_key(partition)}/{asset}/part-{name}.parquet"
        schema = arrow_schema(asset)
        arrivals: dict[int, None] = {}
        rows = 0

        def fill(sink: IO[bytes]) -> None:
            nonlocal rows
            options: dict[str, Any] = {"compression": "zstd", "use_dictionary": _dictionary(schema)}
            with pq.ParquetWriter(sink, schema, **options) as writer:
                for group in _row_groups(tables):
                    writer.write_table(group, row_group_size=len(group))
                    arrivals.update(dict.fromkeys(group.column(ARRIVAL).to_pylist()))
                    rows += len(group)

        with _away(f"write {file}"):
            size = self._folder.write(_checked(file), fill)
        return WrittenPart(file=file, rows=rows, bytes=size, arrivals=tuple(arrivals))

    def read(
        self, file: str, *, arrivals: Iterable[int] | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """Yield the rows of some arrivals (or of all), a row group at a time; other row groups are not read.

        Raises ``FileNotFoundError`` when the part is gone.
        """
        wanted = None if arrivals is None else frozenset(arrivals)
        with (
            _away(f"read {file}"),
            closing(self._folder.open(_checked(file))) as source,
            pq.ParquetFile(source) as parquet,
        ):
            place = parquet.schema_arrow.get_field_index(ARRIVAL)
            names = None if columns is None else list(dict.fromkeys([ARRIVAL, *columns]))
            for number in range(parquet.num_row_groups):
                statistics = parquet.metadata.row_group(number).column(place).statistics
                if wanted is not None and not any(statistics.min <= one <= statistics.max for one in wanted):
                    continue
                table = parquet.read_row_group(number, columns=names, use_threads=False)
                if wanted is not None:
                    mask = [one in wanted for one in table.column(ARRIVAL).to_pylist()]
                    table = table.filter(pa.array(mask, pa.bool_()))
                if len(table):
                    yield table

    def exists(self, file: str) -> bool:
        """Say whether a part is there and readable to its end (its footer)."""
        try:
            with _away(f"read {file}"), closing(self._folder.open(_checked(file))) as source, pq.ParquetFile(source):
                return True
        except (FileNotFoundError, Permanent):
            return False

    def open(self, file: str) -> IO[bytes]:
        """Open a part's bytes as they are, for a copy; raises ``FileNotFoundError``."""
        with _away(f"read {file}"):
            return self._folder.open(_checked(file))

    def put_back(self, file: str, fill: Callable[[IO[bytes]], None]) -> int:
        """Make a part durable with the bytes that it once had; return their number."""
        with _away(f"write {file}"):
            return self._folder.write(_checked(file), fill)

    def delete(self, file: str) -> None:
        """Delete a part; one that is gone already is fine."""
        with _away(f"delete {file}"):
            self._folder.delete(_checked(file))

    def list(self, collection: str, partition: int | None = None) -> list[StoredPart]:
        """Return the parts of a collection or of one block, sorted by name, unfinished ones among them."""
        folder = collection if partition is None else f"{collection}/{partition_key(partition)}"
        with _away(f"list {folder}"):
            parts = [part for part in self._folder.list(folder) if _PART.fullmatch(part.file)]
        return sorted(parts, key=lambda part: part.file)


def open_parts(root: str, *, environ: Mapping[str, str] | None = None) -> PartStore:
    """Return the store at a local folder (made if its parent exists) or an ``s3://bucket/prefix`` URL.

    S3 is found by the ``AWS_*`` variables of ``environ``, the process's own by default.
    """
    if root.startswith("s3://"):
        return PartStore(BucketFolder(root, environ=os.environ if environ is None else environ))
    path = Path(root.removeprefix("file://"))
    if not path.parent.is_dir():
        raise ConfigurationError(f"The folder {path.parent} for Parquet files does not exist.", remedy="Make it first.")
    path.mkdir(exist_ok=True)
    return PartStore(LocalFolder(path))


@lru_cache(maxsize=8)
def arrow_schema(asset: str) -> pa.Schema:
    """Return the Arrow schema of an asset's parts."""
    kinds: dict[str, pa.DataType] = {
        "int64": pa.int64(),
        "string": pa.string(),
        "json": pa.string(),
        "strings": pa.list_(pa.string()),
        "floats": pa.list_(pa.float32()),
        "uints": pa.list_(pa.uint32()),
    }
    return pa.schema([pa.field(column.name, kinds[column.type], nullable=column.optional) for column in COLUMNS[asset]])


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        for start in range(0, len(table), _GROUP_ROWS):
            piece = table.slice(start, _GROUP_ROWS)
            waiting.append(piece)
            rows += len(piece)
            size += piece.nbytes
            if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                yield pa.concat_tables(waiting)
                waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)


def _dictionary(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if field.type == pa.string() and field.name not in {"text", "point_id"}]


def _checked(file: str) -> str:
    if not _PART.fullmatch(file):
        message = f"not the name of a part: {file!r}"
        raise Permanent(message)
    return file


@contextmanager
def _away(doing: str) -> Generator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise
    except pa.ArrowInvalid as error:
        raise PartUnreadable(f"The part store could not {doing}: {error}") from error
    except (OSError, BaseError) as error:
        if type(error) is OSError and error.errno is None:  # Arrow's own word for bytes that make no sense
            raise PartUnreadable(f"The part store could not {doing}: {error}") from error
        message = f"The part store could not {doing}: {reason_of(error)}."
        raise DependencyUnavailable(message, dependency=DEPENDENCY) from error
