"""Who is named when a copy breaks off: the side that failed, the backup's place or what is copied to or from it."""

import io
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pytest

from rag_core.errors import DependencyUnavailable, InvalidRequest
from recovery.backup_folder import BackupFolder, digest_of, open_backup
from resources.clients.parquet_parts import open_parts
from resources.clients.part_folders import PartFolder, StoredPart
from tests.services.loopback import free_port
from tests.services.seaweed import SeaweedServer


class Failing(io.BytesIO):
    """A file of which nothing can be read, and to which nothing can be written."""

    def read(self, _size: int | None = -1, /) -> bytes:
        raise OSError(5, "I/O error")

    def write(self, _data: object, /) -> int:
        raise OSError(28, "no space left")


class FailingFolder:
    def write(self, _file: str, fill: Callable[[IO[bytes]], None], /) -> int:
        fill(Failing())
        return 0

    def open(self, _file: str, /) -> IO[bytes]:
        return Failing()

    def delete(self, _file: str, /) -> None: ...

    def list(self, _folder: str, /) -> Iterator[StoredPart]:
        yield from ()


FULL = BackupFolder(cast("PartFolder", FailingFolder()), "the disk")


def put(sink: IO[bytes]) -> None:
    sink.write(b"text")


def test_a_backup_that_is_full_is_the_backups_trouble() -> None:
    with pytest.raises(DependencyUnavailable, match=r"could not write part-1: .*no space left") as caught:
        FULL.write("part-1", put)
    assert caught.value.dependency == "backup"


def test_a_file_of_the_backup_that_breaks_off_is_the_backups_trouble() -> None:
    with FULL.open("part-1") as source, pytest.raises(DependencyUnavailable, match="could not read part-1") as caught:
        digest_of(source)
    assert caught.value.dependency == "backup"


@pytest.mark.parametrize(
    "error", [OSError(5, "I/O error"), DependencyUnavailable("It is away.", dependency="catalog")], ids=type
)
def test_what_is_copied_from_keeps_its_own_error_and_leaves_no_file(error: Exception, tmp_path: Path) -> None:
    def read_on(sink: IO[bytes]) -> None:
        put(sink)
        raise error

    folder = open_backup(str(tmp_path), environ={}, make=True)
    with pytest.raises(type(error)) as caught:
        folder.write("part-1", read_on)
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes, as on a small temporary file system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def nowhere() -> dict[str, str]:
    endpoint = f"http://127.0.0.1:{free_port()}"
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.mark.parametrize("size", [1_000, 1_000_000], ids=["at the end", "on the way"])
def test_a_full_temporary_folder_is_not_the_buckets_trouble(size: int) -> None:
    def much(sink: IO[bytes]) -> None:
        sink.write(bytes(size))

    backup = open_backup("s3://backups/nightly", environ=nowhere(), make=True)
    parts = open_parts("s3://live/parquet", environ=nowhere())
    for write in (
        lambda: backup.write("catalog/part-audit", much),
        lambda: parts.put_back("notes/000000/chunks/part-1.parquet", much),
    ):
        with no_file_above(500), pytest.raises(DependencyUnavailable, match=tempfile.gettempdir()) as caught:
            write()
        assert caught.value.dependency == "temporary folder"
        assert "TMPDIR" in caught.value.remedy


def test_a_bucket_that_is_not_there_is_told_in_a_line_and_is_no_unfinished_backup() -> None:
    with SeaweedServer() as seaweed:
        place = open_backup("s3://bucket-that-is-not/nightly", environ=seaweed.environment, make=True)
        for look in (place.manifest, place.is_empty, place.parts):
            with pytest.raises(DependencyUnavailable, match=r"the store answered 404 NoSuchBucket\. Make the bucket"):
                look()


def test_a_store_that_does_not_answer_is_told_in_a_line() -> None:
    for look in (
        open_backup("s3://backups/nightly", environ=nowhere(), make=True).is_empty,
        lambda: open_parts("s3://live/parquet", environ=nowhere()).list("notes"),
    ):
        with pytest.raises(DependencyUnavailable, match="error sending request") as caught:
            look()
        assert "\n" not in caught.value.message
        assert "Debug source" not in caught.value.message


def test_a_file_in_the_place_of_a_backups_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for make in (True, False):
        with pytest.raises(InvalidRequest, match="is a file"):
            open_backup(str(tmp_path / "file"), environ={}, make=make)


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailable, match="cannot be made: File name too long"):
        open_backup(str(tmp_path / ("x" * 300)), environ={}, make=True)
