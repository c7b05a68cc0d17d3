"""Read a log that grows and is rotated while one reads."""

import time
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 64 * 1024
MAX_BYTES = 16 * 1024 * 1024
LOOK_EVERY_S = 0.3


def last_lines(path: Path, count: int) -> tuple[str, int]:
    """Return the last ``count`` lines of the file (of its last 16 MiB) and the offset behind them."""
    with path.open("rb") as file:
        size = end = file.seek(0, 2)
        text = b""
        while end > 0 and text.count(b"\n") <= count and len(text) < MAX_BYTES:
            begin = max(0, end - BLOCK_BYTES)
            file.seek(begin)
            text = file.read(end - begin) + text
            end = begin
    lines = text.splitlines(keepends=True)[-count:] if count else []
    return b"".join(lines).decode("utf-8", errors="replace"), size


def follow_log(path: Path, *, after: int) -> Iterator[str]:
    """Yield what is added behind the offset ``after``, for ever; goes on in the new file after a rotation."""
    file = path.open("rb")
    file.seek(after)
    try:
        while True:
            if text := file.read():
                yield text.decode("utf-8", errors="replace")
                continue
            time.sleep(LOOK_EVERY_S)
            try:
                is_same = path.stat().st_ino == Path(f"/dev/fd/{file.fileno()}").stat().st_ino
                is_shorter = path.stat().st_size < file.tell()
            except FileNotFoundError:
                continue  # between two names: look again
            if not is_same or is_shorter:
                rest = file.read()
                file.close()
                file = path.open("rb")
                if rest:
                    yield rest.decode("utf-8", errors="replace")
    finally:
        file.close()
