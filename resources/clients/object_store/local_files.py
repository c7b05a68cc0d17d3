"""Files of this machine that hold an object on its way; having no room for them is no document's fault."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rag_core.errors import DependencyUnavailable


@contextmanager
def receiving(path: Path) -> Generator[Callable[[bytes], None]]:
    """Yield what writes a download to a file; raises ``DependencyUnavailable`` where that cannot be written."""
    try:
        target = path.open("wb", buffering=0)
    except OSError as error:
        raise no_room(error) from error

    def write(chunk: bytes) -> None:
        try:
            write_all(target, chunk)
        except OSError as error:
            raise no_room(error) from error

    with target:
        yield write


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of the bytes to an unbuffered file, which may take less at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def no_room(error: OSError) -> DependencyUnavailable:
    """Return what to raise when a temporary file cannot be written."""
    return DependencyUnavailable(
        f"No room for a temporary file: {error.strerror}.",
        dependency="temporary files",
        remedy="Free space where TMPDIR points, or point it elsewhere.",
    )
