"""Files on their way to the server: read from disk piece by piece as they are sent, never whole in memory."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, cast

Progress = Callable[[int, int], None]
"""Told of bytes of files sent so far, and of all there are; it begins anew when a request is sent again."""

UploadFile = str | PathLike[str] | tuple[str, bytes]
"""A path, or a name with the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A file of a form: its name, its size, and where its bytes come from."""

    name: str
    size_bytes: int
    source: Path | bytes

    def opened(self) -> IO[bytes]:
        """Return its bytes from the beginning."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The files of one request."""

    files: tuple[NamedFile, ...]
    progress: Progress | None = None

    def parts(self) -> list[tuple[str, tuple[str, IO[bytes]]]]:
        """Return the parts as httpx takes them; each attempt at a request has its own."""
        sent = _Sent(total=sum(each.size_bytes for each in self.files), progress=self.progress)
        return [("file", (each.name, cast("IO[bytes]", _Counted(each, sent)))) for each in self.files]


def form_of(files: UploadFile | Iterable[UploadFile], progress: Progress | None) -> Form:
    """Return a form of one file or several; raises ``OSError`` for a path that is no readable file."""
    if isinstance(files, str | PathLike):
        files = [files]
    elif isinstance(files, tuple) and len(files) == 2 and isinstance(files[1], bytes):
        files = [(str(files[0]), files[1])]
    several = cast("Iterable[UploadFile]", files)
    return Form(files=tuple(_named(each) for each in several), progress=progress)


def _named(file: UploadFile) -> NamedFile:
    if isinstance(file, tuple):
        name, content = file
        return NamedFile(name=name, size_bytes=len(content), source=content)
    path = Path(file)
    with path.open("rb") as opened:
        size = opened.seek(0, io.SEEK_END)
    return NamedFile(name=path.name, size_bytes=size, source=path)


@dataclass(slots=True, kw_only=True)
class _Sent:
    """How much of a form is on its way."""

    total: int
    progress: Progress | None
    bytes: int = 0

    def add(self, count: int) -> None:
        self.bytes += count
        if self.progress is not None:
            self.progress(self.bytes, self.total)


class _Counted(io.RawIOBase):
    """A file that is opened when it is read and closed at its end, so that a hundred files hold one descriptor."""

    def __init__(self, file: NamedFile, sent: _Sent) -> None:
        super().__init__()
        self._file = file
        self._sent = sent
        self._opened: IO[bytes] | None = None
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as httpx does to learn the length, and to begin."""
        self._at = offset + (self._file.size_bytes if whence == io.SEEK_END else 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._opened is None:
            self._opened = self._file.opened()
            self._opened.seek(self._at)
        piece = self._opened.read(size)
        self._at += len(piece)
        if piece:
            self._sent.add(len(piece))
        else:
            self.close()
        return piece

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        super().close()
