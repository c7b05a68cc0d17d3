"""Checks of what rests in Parquet: rows that are gone, miscounted or unsound, seen in bounded memory."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rag_core.rows import DENSE
from resources.clients.catalog.values import NewPart
from resources.clients.parquet_parts import arrow_schema, open_parts
from resources.ingestion.checking.promises import VECTORS_SOUND, Tally
from resources.ingestion.checking.stored_rows import StoredRows, look_at_vectors
from tests.pipeline.corpus import Corpus, paragraphs
from tests.pipeline.test_checks import checked


@pytest.fixture
def filled(corpus: Corpus) -> Corpus:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("plum"))
    corpus.ingest()
    return corpus


def rewrite(corpus: Corpus, asset: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Put other rows in the place of those that the catalog names for an asset."""
    [held] = [part for part in corpus.catalog.parts.of_block(corpus.name, 0) if part.asset == asset]
    table = change(pa.concat_tables(corpus.parts.read(held.file)))
    made = corpus.parts.write(collection=corpus.name, partition=0, asset=asset, name="forged-0", tables=[table])
    part = NewPart(
        asset=asset,
        fingerprint=held.fingerprint,
        file=made.file,
        rows=made.rows,
        bytes=made.bytes,
        arrivals=[0, 1],
    )
    corpus.catalog.parts.name(corpus.name, 0, [part])


def with_vectors(table: pa.Table, change: Callable[[list[list[float]]], None]) -> pa.Table:
    vectors: list[Any] = table.column(DENSE).to_pylist()
    change(vectors)
    place = table.column_names.index(DENSE)
    return table.set_column(place, table.schema.field(place), pa.array(vectors, pa.list_(pa.float32())))


def test_rows_that_are_gone_are_named(filled: Corpus) -> None:
    rewrite(filled, "documents", lambda table: table.slice(1))
    rewrite(filled, "chunks", lambda table: table.slice(1))
    outcomes = checked(filled)
    for name, said in (
        ("rows_of_every_document", "0 rows in documents, expected 1"),
        ("chunks_equal_catalog", "1 rows in chunks, the catalog says 2"),
    ):
        assert outcomes[name].numbers == {"looked_at": 2, "broken": 1}
        assert said in outcomes[name].examples[0]


def test_a_file_that_is_gone_breaks_its_documents_and_stops_no_check(filled: Corpus) -> None:
    for part in filled.catalog.parts.of_block(filled.name, 0):
        filled.parts.delete(part.file)
    outcomes = checked(filled)
    assert outcomes["rows_of_every_document"].numbers["broken"] == 2
    assert outcomes["chunks_equal_catalog"].numbers["broken"] == 2
    assert outcomes["index_equals_parquet"].numbers["broken"] == 2


def test_vectors_of_a_wrong_length_dimension_or_none_are_named(filled: Corpus) -> None:
    def spoil(vectors: list[list[float]]) -> None:
        vectors[0] = [2 * value for value in vectors[0]]
        vectors[1] = vectors[1][:10]
        vectors[2] = [float("nan"), *vectors[2][1:]]

    rewrite(filled, "embeddings", lambda table: with_vectors(table, spoil))
    outcome = checked(filled)["dimension_and_norm"]
    assert outcome.numbers == {"looked_at": 3, "broken": 3}
    assert "length 2.0000" in outcome.examples[0]
    assert "dimension 10" in outcome.examples[1]
    assert "length nan" in outcome.examples[2]


def test_empty_vectors_are_unsound(filled: Corpus) -> None:
    def empty(vectors: list[list[float]]) -> None:
        vectors[:] = [[] for _ in vectors]

    rewrite(filled, "embeddings", lambda table: with_vectors(table, empty))
    assert checked(filled)["dimension_and_norm"].numbers == {"looked_at": 3, "broken": 3}


def test_chunks_without_vectors_are_seen(filled: Corpus) -> None:
    rewrite(filled, "embeddings", lambda table: table.slice(1))
    outcome = checked(filled)["index_equals_parquet"]
    assert "1 chunks without a row in embeddings" in outcome.examples[0]


def test_a_block_s_vectors_are_looked_at_in_the_memory_of_some_row_groups(tmp_path: Path) -> None:
    rows, dimension = 20_000, 384
    parts = open_parts(str(tmp_path / "parts"))
    vector = np.full(dimension, dimension**-0.5, np.float32)
    offsets = pa.array(np.arange(0, 1001) * dimension, pa.int32())
    dense = pa.ListArray.from_arrays(offsets, pa.array(np.tile(vector, 1000)))
    schema = arrow_schema("embeddings")
    blank = {pa.int64(): [0], pa.string(): ["x"]}
    columns = [
        dense if field.name == DENSE else pa.array(blank.get(field.type, [[]]) * 1000, field.type) for field in schema
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    written = parts.write(
        collection="many", partition=0, asset="embeddings", name="big-0", tables=(table for _ in range(rows // 1000))
    )
    evidence = SimpleNamespace(files=lambda *_: {0: written.file})
    stored = StoredRows(collection="many", catalog=SimpleNamespace(evidence=evidence), parts=parts)  # type: ignore[arg-type]
    tally = Tally(check=VECTORS_SOUND)
    documents: Any = {0: SimpleNamespace(uri="file:///x")}
    tracemalloc.start()
    arrow = pa.total_allocated_bytes()
    look_at_vectors(stored, documents, tally, dimension=dimension)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tally.looked_at, tally.broken) == (rows, 0)
    assert peak < rows * dimension * 4, (
        "less than all vectors as float32, where a list of them takes eight times as much"
    )
    assert pa.total_allocated_bytes() - arrow < rows * dimension
