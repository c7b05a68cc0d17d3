"""A webserver that answers Dagster's launch requests as told, and remembers them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

JOBS = {"nodes": [{"name": "__repository__", "location": {"name": "there"}, "jobs": [{"name": "ingest_papers_job"}]}]}


class FakeWebserver:
    """``launch`` is what ``launchRun`` answers; None closes the connection without a word."""

    def __init__(self) -> None:
        self.launch: dict[str, Any] | None = {
            "__typename": "LaunchRunSuccess",
            "run": {"runId": "1", "status": "STARTING"},
        }
        self.launched: list[dict[str, str]] = []
        self.partitions: list[str] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = served.answer(asked["query"], asked["variables"])
                if answer is None:
                    return
                body = json.dumps({"data": answer}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        if "launchRun" in query:
            metadata = variables["parameters"]["executionMetadata"]
            self.launched.append({tag["key"]: tag["value"] for tag in metadata["tags"]})
            return None if self.launch is None else {"launchRun": self.launch}
        if "addDynamicPartition" in query:
            self.partitions.append(variables["key"])
            return {"addDynamicPartition": {"__typename": "AddDynamicPartitionSuccess"}}
        return {"repositoriesOrError": JOBS}
