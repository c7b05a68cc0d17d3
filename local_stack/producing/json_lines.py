"""JSON lines become messages as they are, from plain or gzip-compressed files, one line in memory at a time."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from local_stack.producing.keys import KeyOf
from local_stack.producing.outgoing import BadInput, Item, Outgoing
from rag_core.errors import InvalidRequest
from rag_core.messages.message import MessageRejected
from rag_core.messages.reading import parse_object

_GZIP = b"\x1f\x8b"
_LOOK_EVERY_LINES = 256


class JsonLines:
    """The lines of some files, in the order of the files and of the lines in them."""

    def __init__(self, paths: Sequence[Path], *, key_of: KeyOf, max_bytes: int) -> None:
        """Raise ``InvalidRequest`` for a path that is no file."""
        for path in paths:
            if not path.exists() or path.is_dir():
                what = "is a folder" if path.is_dir() else "is not there"
                raise InvalidRequest(f"The file {path} {what}.", remedy="Name files of JSON lines, plain or gzip.")
        self._paths = paths
        self._key_of = key_of
        self._max_bytes = max_bytes
        self.total_bytes = sum(path.stat().st_size for path in paths)
        self.read_bytes = 0

    @property
    def fraction(self) -> float | None:
        """How much of the files has been read; None where nobody knows how large they are, such as a pipe."""
        return min(1.0, self.read_bytes / self.total_bytes) if self.total_bytes else None

    def __iter__(self) -> Iterator[Item]:
        """Yield a message a line; a blank line is none."""
        before = 0
        for path in self._paths:
            try:
                with path.open("rb") as raw:
                    yield from self._lines(path, raw, before)
                    before += raw.tell() if raw.seekable() else 0
            except OSError as error:  # gzip.BadGzipFile is one
                raise _unreadable(path, error.strerror or str(error)) from error
            except (EOFError, zlib.error) as error:
                raise _unreadable(path, f"its gzip data is broken or cut off ({error})") from error
            self.read_bytes = before

    def _lines(self, path: Path, raw: io.BufferedReader, before: int) -> Iterator[Item]:
        is_packed = raw.peek(2)[:2] == _GZIP
        opened = cast("IO[bytes]", gzip.open(raw)) if is_packed else raw  # noqa: SIM115 - the caller closes raw
        number = 0
        while line := opened.readline(self._max_bytes + 2):
            number += 1
            if number % _LOOK_EVERY_LINES == 0 and raw.seekable():
                self.read_bytes = before + raw.tell()
            where = f"{path}:{number}"
            value = line.rstrip(b"\r\n")
            if number == 1:
                value = value.removeprefix(codecs.BOM_UTF8)
            if len(value) > self._max_bytes:
                _skip_line(opened, line)
                yield too_large(where, self._max_bytes)
            elif value and not value.isspace():
                yield message_of(value, where=where, key_of=self._key_of)


def message_of(value: bytes, *, where: str, key_of: KeyOf, mark: str = "") -> Outgoing | BadInput:
    """Return the message of one JSON object, or why it is none."""
    try:
        return Outgoing(key=key_of(parse_object(value)), value=value, where=where, mark=mark)
    except MessageRejected as error:
        return BadInput(where=where, problem=error.message, remedy=error.remedy)


def too_large(where: str, max_bytes: int) -> BadInput:
    """Return what is said of a message that the topic would not take."""
    return BadInput(
        where=where,
        problem=f"The message is larger than the topic's limit, {max_bytes} bytes.",
        remedy="Raise max.message.bytes of the topic (and max_message_bytes of the stream), or make it smaller.",
    )


def _skip_line(opened: IO[bytes], begun: bytes) -> None:
    """Read on to the end of a line without keeping it."""
    while begun and not begun.endswith(b"\n"):
        begun = opened.readline(64 * 1024)


def _unreadable(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"{path} cannot be read to its end: {why}.", remedy="What was read before was sent; correct the file."
    )
