"""moto's S3 server, whose answers are AWS's, with faults that a test can switch on by path."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_REASONS = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    500: "500 Internal Server Error",
    501: "501 Not Implemented",
    503: "503 Slow Down",
}
_CODES = {400: "KeyTooLongError", 403: "AccessDenied", 500: "InternalError", 501: "NotImplemented", 503: "SlowDown"}


class AwsAnswers:
    """An S3 endpoint; ``faults`` maps a part of a request's path and query to the status it is answered with."""

    def __init__(self) -> None:
        self.faults: dict[str, int] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        status = next((status for part, status in self.faults.items() if part in asked), None)
        if status is None:
            return self._moto(environ, start)
        start(_REASONS[status], [("Content-Type", "application/xml")])
        return [f"<Error><Code>{_CODES[status]}</Code><Message>played</Message></Error>".encode()]
