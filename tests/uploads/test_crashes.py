"""The API killed at its worst moments: no half object, no arrival without its object, nothing recorded twice."""

import socket

import httpx
import pytest

from tests.services.loopback import wait_until
from tests.uploads.conftest import Desk
from tests.uploads.process import ApiProcess

TEXT = b"# Backups\n\nThey are kept for thirty days.\n"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'


def test_killed_while_a_file_streams_in_leaves_no_object_and_no_arrival(desk: Desk) -> None:
    desk.declare(uploads={"source": "inbox"})
    with ApiProcess(desk) as process:
        head = f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{process.port}\r\nContent-Length: 5000000\r\n"
        with socket.create_connection(("127.0.0.1", process.port), timeout=30) as connection:
            connection.sendall((head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode())
            connection.sendall(PART + TEXT * 50_000)
            wait_until(lambda: bool(desk.files()), what="bytes to be on disk")
            process.kill9()
    assert [name.rpartition("/")[0] for name in desk.files()] == ["uploads/.incoming"]
    assert desk.sweep().recorded == 0
    assert desk.recorded() == 0
    with ApiProcess(desk):  # the next process removes what the dead one left
        assert desk.post(("b.md", TEXT)).status_code == 202
    assert desk.files() == ["uploads/local/b.md"]


def test_killed_between_storing_and_recording_the_next_sweep_records_it_once(desk: Desk) -> None:
    with ApiProcess(desk, dies_at="before-recording") as process:
        with pytest.raises(httpx.TransportError):
            desk.post(("a.md", TEXT))
        process.wait()
    assert desk.files() == ["uploads/local/a.md"]
    assert desk.recorded() == 0
    assert (desk.sweep().recorded, desk.sweep().recorded) == (1, 0)
    with ApiProcess(desk):  # its sender, who got no answer, sends it again and gets a job for that arrival
        assert desk.post(("a.md", TEXT)).json()["jobs"][0]["arrival"] == 0
    assert desk.recorded() == 1


def test_killed_between_storing_and_recording_the_sender_may_be_faster_than_the_sweep(desk: Desk) -> None:
    with ApiProcess(desk, dies_at="before-recording") as process:
        with pytest.raises(httpx.TransportError):
            desk.post(("a.md", TEXT))
        process.wait()
    with ApiProcess(desk):
        desk.post(("a.md", TEXT))
    assert desk.sweep().recorded == 0
    assert desk.recorded() == 1


def test_a_sender_that_goes_away_leaves_nothing(api: Desk) -> None:
    api.declare(uploads={"source": "inbox"})
    host, port = api.api.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000000\r\n"
        connection.sendall((head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode())
        connection.sendall(PART + TEXT * 50_000)
        wait_until(lambda: bool(api.files()), what="bytes to be on disk")
    wait_until(lambda: not api.files(), what="the hidden file to be removed")
    assert api.recorded() == 0
