"""A real HTTP server that takes webhooks as a user's program would: checks the signature, drops repeats by their id."""

import base64
import hmac
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SECRET = "a secret of more than sixteen characters"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@dataclass
class Receiver:
    """Serves while the ``with`` block lasts.

    ``got`` are the notifications with a right signature as (id, body); ``wrong`` counts the others. ``statuses`` are
    answered in turn, then 204.
    """

    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    wrong: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    statuses: list[int] = field(default_factory=list)
    location: str = ""

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=rag"

    @property
    def ids(self) -> dict[str, set[str]]:
        """The ids of each answer's notifications; one, however often it came."""
        found: dict[str, set[str]] = {}
        for identity, said in list(self.got):
            found.setdefault(said["data"]["answer_id"], set()).add(identity)
        return found

    def take(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["content-length"])
        body = request.rfile.read(length)
        if len(body) < length:  # its sender was killed
            return
        identity, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        wanted = hmac.digest(SECRET.encode(), f"{identity}.{at}.".encode() + body, "sha256")
        is_right = request.headers["webhook-signature"] == f"v1,{base64.b64encode(wanted).decode()}"
        with self._lock:
            self.paths[request.path] += 1
            status = self.statuses.pop(0) if self.statuses else 204
            if is_right and request.headers["host"] == f"127.0.0.1:{self.port}":
                self.got.append((identity, json.loads(body)))
            else:
                self.wrong += 1
        request.send_response(status)
        if self.location:
            request.send_header("location", self.location)
        request.send_header("content-length", "0")
        request.end_headers()
