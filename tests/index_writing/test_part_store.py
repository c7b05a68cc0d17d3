import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from rag_core.errors import ConfigurationError, DependencyUnavailable, Permanent
from resources.clients.parquet_parts import PartStore, arrow_schema, open_parts


def chunks(arrival: int, count: int) -> pa.Table:
    rows = [
        {
            "arrival": arrival,
            "document_id": f"d{arrival}",
            "point_id": f"p{arrival}-{ordinal}",
            "ordinal": ordinal,
            "made_from": "m",
            "start": ordinal,
            "end": ordinal + 1,
            "first_page": None,
            "last_page": None,
            "heading_path": ["A", "B"],
            "text": f"text {ordinal}",
            "embedding_key": f"k{ordinal}",
        }
        for ordinal in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema("chunks"))


def write(store: PartStore, name: str, tables: Iterator[pa.Table] | list[pa.Table]) -> str:
    return store.write(collection="notes", partition=3, asset="chunks", name=name, tables=tables).file


def test_rows_of_some_arrivals_come_back_without_reading_the_other_row_groups(tmp_path: Path) -> None:
    store = open_parts(str(tmp_path / "parts"))
    part = store.write(
        collection="notes",
        partition=3,
        asset="chunks",
        name="r1-0",
        tables=[chunks(number, 3000) for number in (1, 5, 9)],
    )
    assert part.file == "notes/000003/chunks/part-r1-0.parquet"
    assert (part.rows, part.arrivals) == (9000, (1, 5, 9))
    rows = pa.concat_tables(store.read(part.file, arrivals=[5], columns=["ordinal"]))
    assert rows.column_names == ["arrival", "ordinal"]
    assert rows.column("ordinal").to_pylist() == list(range(3000))
    assert sum(len(table) for table in store.read(part.file)) == 9000
    assert list(store.read(part.file, arrivals=[2])) == []


def test_a_writer_that_dies_half_way_leaves_no_part_under_its_name(tmp_path: Path) -> None:
    store = open_parts(str(tmp_path / "parts"))

    def broken() -> Iterator[pa.Table]:
        yield chunks(1, 5000)
        raise KeyError("the process fails here")

    with pytest.raises(KeyError):
        write(store, "r1-0", broken())
    assert store.list("notes") == []


def test_a_writer_that_is_killed_leaves_only_an_unfinished_file(tmp_path: Path) -> None:
    store = open_parts(str(tmp_path / "parts"))
    program = (
        "import os, signal, sys\n"
        "from tests.index_writing.test_part_store import chunks, open_parts, write\n"
        "def tables():\n"
        "    yield chunks(1, 5000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write(open_parts(sys.argv[1]), 'r1-0', tables())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "parts")], check=False)
    assert ended.returncode == -9
    [left] = store.list("notes")
    assert left.file.endswith(".tmp")
    store.delete(left.file)
    assert store.list("notes") == []


def test_a_store_whose_root_went_away_is_a_dependency_that_is_away(tmp_path: Path) -> None:
    store = open_parts(str(tmp_path / "parts"))
    (tmp_path / "parts").rmdir()
    with pytest.raises(DependencyUnavailable):
        write(store, "r1-0", [chunks(1, 1)])
    with pytest.raises(DependencyUnavailable):
        list(store.read("notes/000003/chunks/part-r1-0.parquet"))


def test_a_part_that_is_gone_is_told_from_a_store_that_is_away(tmp_path: Path) -> None:
    store = open_parts(str(tmp_path / "parts"))
    with pytest.raises(FileNotFoundError):
        list(store.read("notes/000003/chunks/part-r1-0.parquet"))
    assert not store.exists("notes/000003/chunks/part-r1-0.parquet")


@pytest.mark.parametrize(
    "file", ["../etc/passwd", "notes/000003/chunks/../../x.parquet", "/abs", "notes/1/chunks/part-a.parquet"]
)
def test_only_names_of_parts_are_opened(tmp_path: Path, file: str) -> None:
    store = open_parts(str(tmp_path / "parts"))
    with pytest.raises(Permanent):
        list(store.read(file))


def test_a_root_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_parts(str(tmp_path / "not-mounted" / "parts"))
