"""The server's log as it is read: JSON for machines, a line for people, ids on every line, nothing of what was said."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from query_api.correlation import request_id, trace_parent
from query_api.observing.logs import JsonLine, TextLine, log_config
from tests.query_api.conftest import COLLECTION, World
from tests.services.loopback import free_port, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
ROOT = Path(__file__).parents[2]


@contextmanager
def serving(world: World, home: Path, **changed: str) -> Iterator[tuple[str, Path]]:
    """The API as a process of its own; gives its URL and its log."""
    port, log = free_port(), home / "api.log"
    settings = {
        "HOME": str(home), "DATABASE_URL": world.database_url, "QDRANT_URL": world.qdrant_url,
        "API_PORT": str(port), "AUTH": "off", "LOG_FORMAT": "json", **changed,
    }  # fmt: skip
    environment = {**os.environ, **{f"RAG_{name}": value for name, value in settings.items()}}
    with log.open("wb") as opened:
        process = subprocess.Popen([sys.executable, "-m", "query_api"], cwd=ROOT, env=environment, stderr=opened)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), what=f"the API: {log.read_text()[-2000:]}")
        yield url, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_each_request_is_one_json_line_without_what_was_asked(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as (url, log):
        headers = {"X-Request-ID": "r-1", "traceparent": PARENT}
        question = {"collection": COLLECTION, "query": "extraordinarily secret words"}
        httpx.post(f"{url}/v1/search", params={"token": "hush"}, json=question, headers=headers, timeout=60)
        httpx.get(f"{url}/v1/documents/not-an-id", headers={"X-Request-ID": "r-2"})
        httpx.get(f"{url}/hidden/hush", headers={"X-Request-ID": "r-3"})
        httpx.get(f"{url}/metrics")
        wait_until(lambda: log.read_text().count('"logger": "query_api.access"') >= 3, what="three lines")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = {line["request_id"]: line for line in lines if line["logger"] == "query_api.access"}
    assert sorted(told) == ["r-1", "r-2", "r-3"], "what asks every few seconds is told where it fails"
    assert {name: told["r-1"][name] for name in ("trace_id", "caller", "method", "route", "level")} == {
        "trace_id": TRACE, "caller": "local", "method": "POST", "route": "/v1/search", "level": "info"
    }  # fmt: skip
    assert told["r-1"]["ms"] > 0
    assert (told["r-2"]["route"], told["r-2"]["status"]) == ("/v1/documents/{document_id}", 422)
    assert (told["r-3"]["route"], told["r-3"]["status"]) == ("unmatched", 404)
    assert "extraordinarily" not in log.read_text()
    assert "hush" not in log.read_text()


def test_a_line_for_people_and_one_for_machines_say_the_same() -> None:
    record = logging.LogRecord("query_api.access", logging.INFO, "f.py", 1, "%s %s %d", ("GET", "/v1/x", 200), None)
    record.fields = {"caller": "anna", "method": "GET", "route": "/v1/x", "status": 200, "ms": 1.5}
    ids, parents = request_id.set("r-9"), trace_parent.set(PARENT)
    try:
        text, line = TextLine().format(record), json.loads(JsonLine().format(record))
    finally:
        request_id.reset(ids)
        trace_parent.reset(parents)
    assert text.endswith(f"INFO query_api.access: GET /v1/x 200 caller=anna ms=1.5 request_id=r-9 trace_id={TRACE}")
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "query_api.access", "message": "GET /v1/x 200", "request_id": "r-9",
        "trace_id": TRACE, "caller": "anna", "method": "GET", "route": "/v1/x", "status": 200, "ms": 1.5,
    }  # fmt: skip


def test_an_exception_is_part_of_its_line() -> None:
    error = ValueError("of\nseveral lines")
    told = logging.LogRecord("uvicorn.error", logging.ERROR, "f.py", 1, "It failed", (), (ValueError, error, None))
    line = JsonLine().format(told)
    assert "\n" not in line
    assert "ValueError: of\nseveral lines" in json.loads(line)["exception"]
    assert TextLine().format(told).splitlines()[0].endswith("ERROR uvicorn.error: It failed")


def test_both_forms_can_be_configured() -> None:
    formatters: list[Any] = [log_config(form)["formatters"]["line"]["()"] for form in ("json", "text")]
    assert formatters == [JsonLine, TextLine]
