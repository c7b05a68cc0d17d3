"""Two gigabytes sent to a limit of eight megabytes: refused there, with memory and disk as they were."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from rag_core.collection import MIB
from tests.uploads.conftest import Desk
from tests.uploads.process import ApiProcess

TWO_GIB = 2048 * MIB
LIMIT = 8 * MIB
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
FORM = {"content-type": "multipart/form-data; boundary=x"}


@pytest.fixture
def process(desk: Desk) -> Iterator[ApiProcess]:
    desk.declare(uploads={"source": "inbox", "max_bytes": LIMIT, "max_request_bytes": 4 * TWO_GIB})
    with ApiProcess(desk) as running:
        desk.post(("warm.md", b"# Warm\n"))
        yield running


def test_an_endless_stream_is_refused_at_the_limit_without_filling_memory_or_disk(
    desk: Desk, process: ApiProcess
) -> None:
    before, highest, most_on_disk, sent = process.memory_bytes, 0, 0, 0
    block = b"words " * (MIB // 6)

    def body() -> Iterator[bytes]:
        nonlocal highest, most_on_disk, sent
        yield PART
        while sent < TWO_GIB:
            sent += len(block)
            highest = max(highest, process.memory_bytes)
            on_disk = sum(path.stat().st_size for path in desk.inbox.rglob("*.part"))
            most_on_disk = max(most_on_disk, on_disk)
            yield block

    answer = httpx.post(f"{desk.api}/upload", content=body(), headers=FORM, timeout=120)
    assert answer.status_code == 413
    assert "larger than 8388608 bytes" in answer.json()["detail"]
    assert sent < 64 * MIB  # what the connection's buffers held beyond the limit, not the whole
    assert highest - before < 32 * MIB
    assert most_on_disk <= LIMIT
    assert desk.files() == ["uploads/local/warm.md"]
    assert desk.recorded() == 1


def test_many_large_files_at_once_take_bounded_memory(desk: Desk, process: ApiProcess) -> None:
    before, highest = process.memory_bytes, 0
    content = b"words " * (LIMIT // 6)
    threads = [threading.Thread(target=desk.post, args=((f"{number}.md", content),)) for number in range(24)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        highest = max(highest, process.memory_bytes)
        threads[0].join(timeout=0.01)
        threads = [thread for thread in threads if thread.is_alive()] or threads[:0]
        if not threads:
            break
    assert desk.recorded() == 25
    assert highest - before < 96 * MIB


def test_an_announced_length_above_the_limit_is_refused_before_a_byte_is_sent(desk: Desk) -> None:
    desk.declare(uploads={"source": "inbox"})
    with ApiProcess(desk) as process, socket.create_connection(("127.0.0.1", process.port), timeout=30) as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: {TWO_GIB}\r\n"
        connection.sendall((head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
