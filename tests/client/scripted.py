"""A server that answers what a test tells it to: each request takes the next of its answers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.services.loopback import free_port


@dataclass(frozen=True)
class Say:
    """An answer; ``cut`` closes the connection in the middle of it, ``silent`` never answers."""

    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut: bool = False
    silent: bool = False

    def __bytes__(self) -> bytes:
        body = self.body.encode()
        length = len(body) + (100 if self.cut else 0)
        head = {"Content-Type": "application/json", "Connection": "close", "Content-Length": str(length)}
        lines = [f"{name}: {value}" for name, value in {**head, **self.headers}.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} Said", *lines, "", ""]).encode() + body


@dataclass
class Scripted:
    """The served script; ``requests`` are the heads of what came."""

    url: str
    requests: list[str] = field(default_factory=list[str])

    def headers(self, name: str) -> list[str]:
        """What each request had under that header."""
        lines = [line for head in self.requests for line in head.split("\r\n")]
        return [line.split(": ", 1)[1] for line in lines if line.lower().startswith(f"{name.lower()}: ")]


@contextmanager
def scripted(*answers: Say) -> Iterator[Scripted]:
    """Serve the answers, one a connection; after the last one nobody listens."""
    port = free_port()
    made = Scripted(url=f"http://127.0.0.1:{port}")
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", port)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answers, made, ended.wait), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            ended.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listening: socket.socket, answers: tuple[Say, ...], made: Scripted, until_ended: Callable[[], bool]) -> None:
    for answer in answers:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            made.requests.append(_request(connection))
            if answer.silent:
                until_ended()
                return
            connection.sendall(bytes(answer))
            connection.shutdown(socket.SHUT_WR)
    listening.close()


def _request(connection: socket.socket) -> str:
    """Read a request whole; return its head."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = int(lengths[0]) - len(body) if lengths else 0
    while left > 0:
        left -= len(connection.recv(65536))
    return head.decode()
