"""Where a file waits, whole, for its way to a bucket: a put needs its bytes twice if it is tried again."""

import io
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import IO, Any

from rag_core.errors import DependencyUnavailable


@contextmanager
def spool(file: str) -> Generator[IO[bytes]]:
    """Give a temporary file without a name; one that takes no more is not taken for the bucket's trouble."""

    class Spool(io.FileIO):
        def write(self, data: Any, /) -> int:
            try:
                return super().write(data)
            except OSError as error:
                raise _spool_full(file, error) from error

    try:
        raw = tempfile.TemporaryFile(prefix="rag-part-", buffering=0)  # noqa: SIM115 - closed below, whatever comes
    except OSError as error:
        raise _spool_full(file, error) from error
    with raw:
        sink = io.BufferedRandom(Spool(raw.fileno(), "w+b", closefd=False))
        try:
            yield sink
        finally:
            with suppress(DependencyUnavailable):  # what it could not take was told already
                sink.close()


def _spool_full(file: str, error: OSError) -> DependencyUnavailable:
    return DependencyUnavailable(
        f"The temporary folder {_temporary_folder()} could not take {file} on its way to the bucket: {error.strerror}.",
        dependency="temporary folder",
        remedy="Make room there, or let TMPDIR name a folder with more: it must take the largest file.",
    )


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # none of those that it tries takes a file
        return os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - only named
