"""Rows of the part store as Arrow tables and back."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# pyarrow ships no types.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, TypeVar

import pyarrow as pa

from rag_core.rows import ChunkRow, DocumentRow, EmbeddingRow
from resources.clients.parquet_parts import PartStore, arrow_schema

Row = TypeVar("Row", DocumentRow, ChunkRow, EmbeddingRow)

_ASSET: dict[type, str] = {DocumentRow: "documents", ChunkRow: "chunks", EmbeddingRow: "embeddings"}


def table_of(rows: Sequence[Row], kind: type[Row]) -> pa.Table:
    """Return rows as a table with the asset's schema."""
    schema = arrow_schema(_ASSET[kind])
    columns = [pa.array([getattr(row, name) for row in rows], schema.field(name).type) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def rows_of(table: pa.Table, kind: type[Row]) -> Iterator[Row]:
    """Yield a table's rows; lists come as tuples, vectors as NumPy arrays."""
    columns: dict[str, list[Any]] = {}
    for field in fields(kind):
        column = table.column(field.name).combine_chunks()
        if pa.types.is_list(column.type) and not pa.types.is_string(column.type.value_type):
            flat, offsets = column.flatten().to_numpy(), column.offsets.to_numpy()
            start = offsets[0] if len(offsets) else 0
            columns[field.name] = [flat[begin - start : end - start] for begin, end in pairwise(offsets)]
        elif pa.types.is_list(column.type):
            columns[field.name] = [None if value is None else tuple(value) for value in column.to_pylist()]
        else:
            columns[field.name] = column.to_pylist()
    names = list(columns)
    for values in zip(*columns.values(), strict=True):
        yield kind(**dict(zip(names, values, strict=True)))


def read_rows(parts: PartStore, kind: type[Row], places: Mapping[int, str]) -> dict[int, list[Row]]:
    """Return the rows of arrivals, given each one's file; a file or an arrival that is not there has no rows."""
    by_file: dict[str, list[int]] = {}
    for arrival, file in places.items():
        by_file.setdefault(file, []).append(arrival)
    found: dict[int, list[Row]] = {}
    for file, arrivals in by_file.items():
        try:
            for table in parts.read(file, arrivals=arrivals):
                for row in rows_of(table, kind):
                    found.setdefault(row.arrival, []).append(row)
        except FileNotFoundError:
            for arrival in arrivals:
                found.pop(arrival, None)
    return found
