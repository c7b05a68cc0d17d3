"""A job's state is what became of its arrival; its events tell each change and end with a final one."""

import json
import threading
from collections.abc import Iterator
from uuid import uuid4

import httpx

from query_api.uploading.bounds import UploadBounds
from tests.services.loopback import wait_until
from tests.uploads.conftest import Desk, Serve
from tests.uploads.process import ApiProcess
from tests.uploads.settling import a_run, index_all

TEXT = b"# Backups\n\nThey are kept for thirty days.\n"
QUICK = UploadBounds(look_every_s=0.02, heartbeat_s=0.05, streams=2)


def sent(desk: Desk, content: bytes = TEXT) -> str:
    return str(desk.post(("report.md", content)).json()["job_id"])


def status(desk: Desk, job_id: str) -> str:
    return str(desk.get(f"/v1/jobs/{job_id}").json()["status"])


def test_a_job_goes_from_pending_over_processing_to_completed(api: Desk) -> None:
    job = sent(api)
    assert status(api, job) == "Pending"
    with a_run(api.catalog) as run:
        [arrival] = run.due()
        run.begin([arrival])
        assert status(api, job) == "Processing"
        run.index(arrival)
        shown = api.get(f"/v1/jobs/{job}").json()
    assert (shown["status"], shown["reason"]) == ("Completed", None)
    assert shown["run_url"] == "http://dagster:3000/runs/run-1"


def test_a_quarantined_file_failed_with_the_reason(api: Desk) -> None:
    job = sent(api)
    with a_run(api.catalog) as run:
        [arrival] = run.due()
        run.begin([arrival])
        run.quarantine(arrival)
    shown = api.get(f"/v1/jobs/{job}").json()
    assert shown["status"] == "Failed"
    assert shown["reason"] == {"kind": "no-text", "message": "No text in it.", "remedy": "Run OCR over it."}
    assert status(api, sent(api)) == "Failed"  # the same again is the old job, and says so at once


def test_a_superseded_job_waits_for_the_version_that_took_its_place(api: Desk) -> None:
    first, second = sent(api), sent(api, TEXT + b"more")
    with a_run(api.catalog) as run:
        [newest] = run.due()
        assert (status(api, first), status(api, second)) == ("Pending", "Pending")
        run.begin([newest])
        assert (status(api, first), status(api, second)) == ("Processing", "Processing")
        run.index(newest)
    assert (status(api, first), status(api, second)) == ("Completed", "Completed")
    assert "newer version" in api.get(f"/v1/jobs/{first}").json()["message"]


def test_a_superseded_job_fails_with_the_version_that_took_its_place(api: Desk) -> None:
    first, _ = sent(api), sent(api, TEXT + b"more")
    with a_run(api.catalog) as run:
        [newest] = run.due()
        run.begin([newest])
        run.quarantine(newest)
    shown = api.get(f"/v1/jobs/{first}").json()
    assert (shown["status"], shown["reason"]["kind"]) == ("Failed", "no-text")


def test_a_completed_job_stays_completed_while_its_document_is_processed_anew(api: Desk) -> None:
    job = sent(api)
    index_all(api.catalog)
    api.catalog.due.make_due("papers", [0], reason="a new parser")
    assert api.arrivals()[0][2] == "pending"
    assert status(api, job) == "Completed"


def test_an_unknown_job_is_not_found(api: Desk) -> None:
    for path in (f"/v1/jobs/{uuid4()}", f"/v1/jobs/{uuid4()}/events"):
        assert api.get(path).status_code == 404
    assert api.get("/v1/jobs/nonsense").status_code == 422


def test_events_tell_each_state_and_end_with_the_final_one(desk: Desk, serve: Serve) -> None:
    serve(QUICK)
    job = sent(desk)
    with httpx.stream("GET", f"{desk.api}/v1/jobs/{job}/events", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next_state(lines) == "Pending"
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        with a_run(desk.catalog) as run:
            [arrival] = run.due()
            run.begin([arrival])
            assert next_state(lines) == "Processing"
            run.index(arrival)
        assert next_state(lines) == "Completed"
        assert [line for line in lines if line.startswith("data:")] == []  # the stream ends


def test_events_of_a_finished_job_are_its_state_and_the_end(desk: Desk, serve: Serve) -> None:
    serve(QUICK)
    job = sent(desk)
    index_all(desk.catalog)
    text = desk.get(f"/v1/jobs/{job}/events").text
    assert text.count("event: job") == 1
    assert '"status":"Completed"' in text


def test_open_streams_are_bounded_and_give_their_place_back(desk: Desk, serve: Serve) -> None:
    serve(QUICK)
    path = f"{desk.api}/v1/jobs/{sent(desk)}/events"
    with httpx.stream("GET", path) as one, httpx.stream("GET", path) as two:
        read = [one.iter_lines(), two.iter_lines()]
        assert [next_state(lines) for lines in read] == ["Pending", "Pending"]
        assert desk.get(path.removeprefix(desk.api)).status_code == 503

    def is_free() -> bool:
        with httpx.stream("GET", path) as answer:
            return answer.status_code == 200

    wait_until(is_free, what="a place to be free again")


def test_a_server_that_stops_does_not_wait_for_its_streams(desk: Desk) -> None:
    with ApiProcess(desk) as process:
        with httpx.stream("GET", f"{desk.api}/v1/jobs/{sent(desk)}/events", timeout=30) as answer:
            lines = answer.iter_lines()
            assert next_state(lines) == "Pending"
            stopping = threading.Thread(target=process.stop)
            stopping.start()
            assert [line for line in lines if line.startswith("data:")] == []  # ended by the server
        stopping.join(timeout=30)


def next_state(lines: Iterator[str]) -> str:
    """The state of the next event."""
    return str(json.loads(next(line for line in lines if line.startswith("data:")).removeprefix("data:"))["status"])
