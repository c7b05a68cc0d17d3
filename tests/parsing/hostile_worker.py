"""A worker whose parser does what its document says: sleep, spin, die, lie. Only tests start it."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rag_core.parsed import Heading, ParsedDocument
from resources.clients.parsing.confinement import confine
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.worker import serve


def parse(  # noqa: C901 - a list of orders, one branch each
    data: bytes, claims: Claims, passwords: Sequence[str], limits: ParseLimits
) -> ParsedDocument:
    """Obey the first word of the document."""
    order, _, argument = data[:4096].decode().partition(" ")
    text = f"pid {os.getpid()}"
    if order == "spin":
        while True:
            pass
    elif order == "sleep":
        time.sleep(600)
    elif order == "wait-first-time":
        marker = Path(argument)
        if not marker.exists():
            marker.write_text(f"{os.getpid()}\n")
            time.sleep(600)
    elif order == "grow":
        hoard = [b"x" * 1024 * 1024 for _ in range(100_000)]
        text = str(len(hoard))
    elif order == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif order == "die-once":
        marker = Path(argument)
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
    elif order == "exit":
        os._exit(3)
    elif order == "print":
        sys.stdout.write("noise on the answers' channel\n")
        sys.stdout.flush()
        os.write(1, b"more noise\n")
    elif order == "env":
        text = repr(sorted(os.environ)) + repr(sys.argv)
    elif order == "where":
        text = f"{Path.cwd()} {sorted(path.name for path in Path.cwd().iterdir())}"
    elif order == "write":
        try:
            Path("spill").write_bytes(b"x" * 10_000_000)
        except OSError as error:
            text = type(error).__name__
    elif order == "lie":
        return _document(text, headings=(Heading(level=1, text="x", start=0, end=10_000),))
    elif order == "large":
        text = "x" * (limits.max_text_bytes + 1)
    elif order == "child":
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        Path(argument).write_text(str(pid))
        time.sleep(600)
    elif order == "passwords":
        text = repr(list(passwords))
    return _document(text)


def _document(text: str, headings: tuple[Heading, ...] = ()) -> ParsedDocument:
    return ParsedDocument(text=text, title="t", media_type="text/plain", parser="text/1", headings=headings)


if __name__ == "__main__":
    confine(parent_pid=int(sys.argv[2]), max_memory_bytes=int(sys.argv[1]))
    serve(parse)
