"""Who is named when a copy breaks off: the side that failed, the backup's place or what is copied to or from it."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from rag_core.errors import DependencyUnavailable
from recovery.backup_folder import BackupFolder, digest_of, open_backup
from resources.clients.part_folders import PartFolder, StoredPart


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
