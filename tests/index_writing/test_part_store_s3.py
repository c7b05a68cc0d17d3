"""The part store on a real S3 server."""

import pyarrow as pa
import pytest

from rag_core.errors import DependencyUnavailable
from resources.clients import part_folders
from resources.clients.parquet_parts import open_parts
from tests.index_writing.test_part_store import chunks
from tests.services.loopback import free_port
from tests.services.seaweed import SeaweedServer


def test_parts_under_an_s3_prefix_are_written_read_listed_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    with SeaweedServer() as seaweed:
        for name, value in seaweed.environment.items():
            monkeypatch.setenv(name, value)
        store = open_parts(f"s3://{seaweed.create_bucket()}/parquet")
        part = store.write(
            collection="notes", partition=3, asset="chunks", name="r1-0", tables=[chunks(n, 3000) for n in (1, 5)]
        )
        rows = pa.concat_tables(store.read(part.file, arrivals=[5]))
        assert rows.column("ordinal").to_pylist() == list(range(3000))
        [listed] = store.list("notes", 3)
        assert (listed.file, listed.bytes) == (part.file, part.bytes)
        with pytest.raises(FileNotFoundError):
            list(store.read(part.file.replace("r1-0", "r1-1")))
        store.delete(part.file)
        store.delete(part.file)
        assert store.list("notes") == []


def test_an_s3_server_that_is_away_is_a_dependency_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr(part_folders, "MAX_RETRIES", 0)
    store = open_parts("s3://bucket/parquet")
    with pytest.raises(DependencyUnavailable):
        list(store.read("notes/000003/chunks/part-r1-0.parquet"))
