"""Does a part's port answer? Quick, with the standard library only; ``probes.py`` asks the deeper questions."""

import http.client
import socket
import struct

from local_stack.kafka_broker.handshake import kafka_answers
from local_stack.parts import Part

HOST = "127.0.0.1"


def answers(part: Part, *, timeout_s: float = 2.0) -> bool:
    """Tell whether the part takes requests now; a part that listens nowhere always does."""
    if part.port is None or part.speaks is None:
        return True
    try:
        if part.speaks == "postgres":
            return _postgres_answers(part.port, timeout_s)
        if part.speaks == "kafka":
            return kafka_answers(part.port, timeout_s)
        return _http_answers(part.host, part.port, part.ready_path, timeout_s)
    except (OSError, http.client.HTTPException):
        return False


def _http_answers(host: str, port: int, path: str, timeout_s: float) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    finally:
        connection.close()


def _postgres_answers(port: int, timeout_s: float) -> bool:
    """Ask as pg_isready does: a server that starts up or recovers refuses, a ready one asks for a password."""
    words = b"user\0rag\0database\0postgres\0\0"
    with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
        connection.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        return connection.recv(4096)[:1] == b"R"  # all of it: a reset would be a line in its log
