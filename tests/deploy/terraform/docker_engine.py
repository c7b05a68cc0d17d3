"""As much of a Docker engine as a plan asks: which image is behind a name."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@contextlib.contextmanager
def docker_engine(images: Mapping[str, str]) -> Iterator[str]:
    """Serve images, ids by name, on loopback; the mapping may change meanwhile. Gives the engine's address."""

    class Engine(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer({})

        def do_GET(self) -> None:
            path = unquote(re.sub(r"^/v[\d.]+", "", self.path.partition("?")[0]))
            inspected = re.fullmatch(r"/images/(.+)/json", path)
            if inspected and inspected[1] in images:
                self._answer({"Id": images[inspected[1]], "RepoTags": [inspected[1]]})
            elif path == "/images/json":
                self._answer([{"Id": number, "RepoTags": [name], "RepoDigests": []} for name, number in images.items()])
            elif path in ("/_ping", "/info", "/version"):
                self._answer({"ApiVersion": "1.47", "OSType": "linux"})
            else:
                self._answer({"message": f"no such thing: {path}"}, status=404)

        def _answer(self, body: object, *, status: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Api-Version", "1.47")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()
