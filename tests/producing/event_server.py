"""A server of events on a loopback port that plays connections as written, and remembers what it was asked."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Body = Iterable[bytes]
"""What a connection sends, piece by piece; then it ends."""

STREAM = {"content-type": "text/event-stream"}


@dataclass
class Answer:
    """One connection: ``is_cut`` ends it in the middle of what HTTP announced."""

    body: Body = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: STREAM)
    is_cut: bool = False


class EventServer:
    """Answers each connection by what ``answer`` returns for the ``Last-Event-ID`` that came with it."""

    def __init__(self, answer: Callable[[str | None], Answer]) -> None:
        self._answer = answer
        self.asked: list[str | None] = []
        self.user_agents: list[str | None] = []
        self.bytes_written = 0
        self.is_held_up = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/stream"

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        last = handler.headers.get("last-event-id")
        self.asked.append(last)
        self.user_agents.append(handler.headers.get("user-agent"))
        answer = self._answer(last)
        handler.close_connection = True
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header(
            "transfer-encoding" if answer.is_cut else "connection", "chunked" if answer.is_cut else "close"
        )
        handler.end_headers()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        handler.connection.settimeout(2)
        with suppress(OSError):
            for piece in answer.body:
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if answer.is_cut else piece
                try:
                    handler.connection.sendall(framed)
                except TimeoutError:
                    self.is_held_up.set()
                    return
                self.bytes_written += len(piece)

    @contextmanager
    def running(self) -> Iterator["EventServer"]:
        """Listen while the block lasts."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            thread.join()
            self._http.server_close()


def played(answers: Iterable[Answer]) -> Callable[[str | None], Answer]:
    """Return what plays the connections one after the other, then says that there is no more."""
    left = iter(answers)
    return lambda _: next(left, Answer(status=204))
