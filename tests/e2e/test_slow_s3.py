"""The main job from an S3 server that is slow, stalls and breaks off in the middle of answers."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.index_state import points_of
from tests.e2e.stack import Stack
from tests.services.seaweed import SeaweedServer
from tests.services.slow_proxy import SlowProxy

pytestmark = pytest.mark.xdist_group("e2e")

KEYS = [f"slow/n{number:02d}.md" for number in range(12)]


@pytest.fixture(scope="module")
def server() -> Iterator[SeaweedServer]:
    with SeaweedServer() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: SeaweedServer) -> Iterator[SlowProxy]:
    port = urlsplit(server.endpoint).port
    assert port is not None
    with SlowProxy(port) as running:
        yield running


@pytest.fixture
def stack(server: SeaweedServer, proxy: SlowProxy, tmp_path: Path) -> Iterator[tuple[Stack, Any]]:
    bucket = server.create_bucket()
    stack = Stack(tmp_path, source_url=f"s3://{bucket}/notes")
    stack.environment |= {
        "RAG_S3_ENDPOINT": proxy.endpoint,
        "RAG_S3_ACCESS_KEY_ID": server.access_key,
        "RAG_S3_SECRET_ACCESS_KEY": server.secret_key,
    }
    with contextlib.closing(server.client()) as s3, stack:
        yield stack, lambda key, text: s3.put_object(Bucket=bucket, Key=f"notes/{key}", Body=text.encode())


def note(number: int) -> str:
    filler = "\n\n".join(f"Paragraph {line} of note {number} fills the page." for line in range(400))
    return f"# Note {number}\n\nThe umbrella of person {number} is red.\n\n{filler}\n"


def test_a_server_that_is_slow_stalls_and_breaks_off_costs_no_document(
    stack: tuple[Stack, Any], proxy: SlowProxy
) -> None:
    running, put = stack
    proxy.bytes_per_s = 60_000
    proxy.cut_after_bytes = 14_000
    for number, key in enumerate(KEYS):
        put(key, note(number))
    running.wait_for("answers broken off in the middle", lambda: proxy.cuts >= 4, limit_s=120)
    proxy.cut_after_bytes = None
    running.wait_for("the sweep's records", lambda: len(running.documents()) == len(KEYS), limit_s=120)
    proxy.stall()
    time.sleep(6)
    proxy.resume()
    proxy.bytes_per_s = None
    found = running.wait_settled(KEYS, limit_s=300)
    assert {found[key]["state"] for key in KEYS} == {"indexed"}
    points = points_of(f"http://127.0.0.1:{running.ports['QDRANT']}", "notes").values()
    assert {payload["uri"].rsplit("/", 1)[1] for payload, _, _ in points} == {key.rsplit("/", 1)[1] for key in KEYS}
    places = [(payload["document_id"], payload["ordinal"]) for payload, _, _ in points]
    assert len(places) == len(set(places))
