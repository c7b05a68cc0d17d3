"""Does a Kafka broker answer on a port? One request of its protocol, with the standard library only."""

import socket
import struct

HOST = "127.0.0.1"
_API_VERSIONS = 18
_CORRELATION = 7
_LARGEST_ANSWER = 1 << 20


def kafka_answers(port: int, timeout_s: float) -> bool:
    """Ask which versions of the protocol the broker speaks; it answers once it takes requests of clients."""
    name = b"rag"
    request = struct.pack(f"!hhih{len(name)}s", _API_VERSIONS, 0, _CORRELATION, len(name), name)
    with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
        connection.sendall(struct.pack("!i", len(request)) + request)
        with connection.makefile("rb") as answer:
            head = answer.read(4)
            if len(head) < 4:
                return False
            size = struct.unpack("!i", head)[0]
            if not 6 <= size <= _LARGEST_ANSWER:
                return False
            body = answer.read(size)  # all of it: a reset would be a line in its log
    return len(body) == size and struct.unpack("!ih", body[:6]) == (_CORRELATION, 0)
