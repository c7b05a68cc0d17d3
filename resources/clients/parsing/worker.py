"""The process in which documents are parsed: ``python -m resources.clients.parsing.worker MEMORY PARENT_PID PROGRESS``.

It is told its memory in bytes, its parent, and the descriptor of the file that names the page being read. It reads a
request from its standard input, answers on its standard output, and does so until the input ends. Started by exec,
never forked; it knows no secret but the passwords of the document at hand.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, cast

from rag_core.errors import DocumentRejected
from rag_core.parsed import JsonValue, ParsedDocument
from resources.clients.parsing.confinement import confine, end_after
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.progress import report_through
from resources.clients.parsing.wire import (
    LENGTHS,
    document_header,
    packed_header,
    rejection_header,
    unpacked_header,
)

Parse = Callable[[bytes, Claims, Sequence[str], ParseLimits], ParsedDocument]
_GRACE_S = 5.0


def main() -> None:
    """Confine this process, load the parsers, serve until the parent closes the pipe."""
    confine(parent_pid=int(sys.argv[2]), max_memory_bytes=int(sys.argv[1]))
    report_through(int(sys.argv[3]))
    from resources.clients.parsing.document import parse_document  # loaded only inside the limits

    serve(parse_document)


def serve(parse: Parse) -> None:
    """Answer requests with a parse function; what native code prints goes nowhere near the answers."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    _answer(answers, {"ready": True}, b"")
    while lengths := requests.read(LENGTHS.size):
        header_bytes, body_bytes = LENGTHS.unpack(lengths)
        request = unpacked_header(requests.read(header_bytes))
        header, body = _parsed(parse, requests.read(body_bytes), request)
        _answer(answers, header, body)


def _parsed(parse: Parse, data: bytes, request: dict[str, JsonValue]) -> tuple[dict[str, object], bytes]:
    """Return the answer to one request."""
    limits = ParseLimits(**cast("dict[str, Any]", request["limits"]))
    claims = Claims(name=cast("str", request["name"]), media_type=cast("str | None", request["media_type"]))
    passwords = cast("list[str]", request["passwords"])
    end_after(limits.timeout_s + _GRACE_S)
    try:
        document = parse(data, claims, passwords, limits)
        return document_header(document), document.text.encode()
    except DocumentRejected as rejected:
        return rejection_header(rejected), b""
    finally:
        end_after(0)


def _answer(answers: BinaryIO, header: dict[str, object], body: bytes) -> None:
    answers.write(packed_header(header, len(body)))
    answers.write(body)
    answers.flush()


if __name__ == "__main__":
    main()
