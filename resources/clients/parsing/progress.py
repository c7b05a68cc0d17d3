"""Which page a worker is reading, told to its parent through a file that both hold open.

When a worker dies, stalls or outgrows its memory, its parent knows the page to blame and can have the others read.
"""

import os
import struct
import tempfile
import time

_PAGE = struct.Struct("=Id")  # number of the page, 0 for none; when its reading began, in seconds of the system's clock
_descriptor: int | None = None


def report_through(descriptor: int) -> None:
    """Let this process, a worker, report to an open file of its parent."""
    global _descriptor
    _descriptor = descriptor


def reading_page(number: int) -> None:
    """Say that the reading of a page begins; 0 says that no page is being read."""
    if _descriptor is not None:
        os.pwrite(_descriptor, _PAGE.pack(number, time.monotonic()), 0)


class PageWatch:
    """The parent's side: a file without a name, and what the worker last wrote into it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by ``close``
        self.descriptor = self._file.fileno()

    def reset(self) -> None:
        """Forget the last document's page."""
        os.pwrite(self.descriptor, _PAGE.pack(0, 0.0), 0)

    def page(self, *, for_at_least_s: float = 0) -> int:
        """Return the page being read, if it has been so long; 0 for none."""
        data = os.pread(self.descriptor, _PAGE.size, 0)
        number, began = _PAGE.unpack(data) if len(data) == _PAGE.size else (0, 0.0)
        return number if time.monotonic() - began >= for_at_least_s else 0

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
