"""The same request under the same key gets the same answer; another request under it is refused; for a day."""

import socket

from query_api.uploading.bounds import UploadBounds
from tests.catalog.observing import rows
from tests.services.loopback import wait_until
from tests.uploads.conftest import Desk, Serve

TEXT = b"# Backups\n\nThey are kept for thirty days.\n"
KEY = {"idempotency-key": "order-1"}


def test_the_same_request_gets_the_same_answer_and_stores_nothing(api: Desk) -> None:
    first = api.post(("a.md", TEXT), ("b.md", TEXT), headers=KEY)
    stored = (api.inbox / "uploads/local/a.md").stat().st_mtime_ns
    (api.inbox / "uploads/local/b.md").unlink()
    again = api.post(("a.md", TEXT), ("b.md", TEXT), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert api.files() == ["uploads/local/a.md"]
    assert (api.inbox / "uploads/local/a.md").stat().st_mtime_ns == stored
    assert api.recorded() == 2


def test_another_request_under_the_key_is_refused_and_stores_nothing(api: Desk) -> None:
    api.post(("a.md", TEXT), headers=KEY)
    for files in ([("a.md", TEXT + b"x")], [("b.md", TEXT)], [("a.md", TEXT), ("b.md", TEXT)]):
        assert api.post(*files, headers=KEY).status_code == 422
    assert api.files() == ["uploads/local/a.md"]
    assert api.recorded() == 1


def test_a_refused_request_does_not_use_its_key_up(api: Desk) -> None:
    assert api.post(("a.png", b"\x89PNG\r\n\x1a\n"), headers=KEY).status_code == 415
    assert api.post(("a.md", TEXT), headers=KEY).status_code == 202


def test_a_key_is_forgotten_after_its_time(api: Desk, url: str) -> None:
    api.post(("a.md", TEXT), headers=KEY)
    assert rows(url, "SELECT expires_at > now() + interval '23 hours' FROM upload_requests") == [(True,)]
    rows(url, "UPDATE upload_requests SET expires_at = now() - interval '1 second'")
    assert api.post(("b.md", TEXT), headers=KEY).status_code == 202
    assert rows(url, "SELECT count(*) FROM upload_requests") == [(1,)]


def test_a_key_that_is_being_used_is_a_conflict(api: Desk, url: str) -> None:
    host, port = api.api.removeprefix("http://").split(":")
    head = f"POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall((head + "Idempotency-Key: order-1\r\nContent-Length: 1000\r\n\r\n--x\r\n").encode())
        wait_until(lambda: rows(url, "SELECT count(*) FROM upload_requests") == [(1,)], what="the key to be held")
        assert api.post(("a.md", TEXT), headers=KEY).status_code == 409
    wait_until(lambda: rows(url, "SELECT count(*) FROM upload_requests") == [(0,)], what="the key to be given back")
    assert api.post(("a.md", TEXT), headers=KEY).status_code == 202


def test_a_holder_that_died_gives_its_key_back(api: Desk, url: str) -> None:
    rows(
        url,
        "INSERT INTO upload_requests (uploader, idempotency_key, holder, expires_at)"
        " VALUES ('local', 'order-1', gen_random_uuid(), now() - interval '1 second')",
    )
    assert api.post(("a.md", TEXT), headers=KEY).status_code == 202


def test_a_stalled_body_is_given_up_and_leaves_nothing(desk: Desk, serve: Serve) -> None:
    serve(UploadBounds(idle_s=0.2, at_once=1, wait_s=30))
    host, port = desk.api.removeprefix("http://").split(":")
    part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n' + "words " * 5000
    head = f"POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall((head + "Content-Length: 60000\r\n\r\n" + part).encode())
        assert desk.post(("b.md", TEXT)).status_code == 202  # it waited for the only place
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert desk.files() == ["uploads/local/b.md"]


def test_more_requests_than_may_wait_are_told_to_come_again(desk: Desk, serve: Serve) -> None:
    serve(UploadBounds(at_once=1, waiting=0))
    answer = desk.post(("a.md", TEXT))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
