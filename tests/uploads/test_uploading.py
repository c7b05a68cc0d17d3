"""What is taken, where it goes, what it is called, and what is refused."""

import hashlib
import io
import json
import socket
import zipfile

import httpx
import pytest

from query_api.uploading.naming import checked_name
from query_api.uploading.refusals import UploadRefused
from tests.uploads.conftest import COLLECTION, MAX_BYTES, Desk

TEXT = b"# Backups\n\nThey are kept for thirty days.\n"


def test_a_file_is_stored_recorded_and_answered_with_a_job(api: Desk) -> None:
    answer = api.post(("report.md", TEXT))
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["message"]) == ("Pending", "Stored and recorded; it waits for its run.")
    assert [job["job_id"] for job in body["jobs"]] == [body["job_id"]]
    assert set(body) == {"job_id", "status", "message", "jobs", "refused"}
    assert answer.headers["location"] == f"/v1/jobs/{body['job_id']}"
    assert (api.inbox / "uploads/local/report.md").read_bytes() == TEXT
    assert api.files() == ["uploads/local/report.md"]
    assert api.arrivals() == [(0, "uploads/local/report.md", "pending")]
    job = api.get(f"/v1/jobs/{body['job_id']}").json()
    assert (job["status"], job["name"], job["arrival"], job["media_type"]) == (
        "Pending", "report.md", 0, "text/markdown",
    )  # fmt: skip
    assert job["sha256"] == hashlib.sha256(TEXT).hexdigest()


def test_several_files_have_a_job_each(api: Desk) -> None:
    body = api.post(("a.md", TEXT), ("b.txt", b"plain words"), path="/upload").json()
    assert [job["name"] for job in body["jobs"]] == ["a.md", "b.txt"]
    assert body["job_id"] == body["jobs"][0]["job_id"]
    assert [key for _, key, _ in api.arrivals()] == ["uploads/local/a.md", "uploads/local/b.txt"]


def test_the_same_again_is_the_old_job_and_no_new_arrival(api: Desk) -> None:
    first = api.post(("report.md", TEXT)).json()
    again = api.post(("report.md", TEXT)).json()
    assert again["job_id"] == first["job_id"]
    assert api.recorded() == 1


def test_a_sweep_records_nothing_again(api: Desk) -> None:
    api.post(("report.md", TEXT))
    assert api.sweep().recorded == 0
    assert api.recorded() == 1


def test_other_bytes_under_the_name_are_a_new_version_and_going_back_is_another(api: Desk) -> None:
    jobs = [api.post(("report.md", content)).json()["job_id"] for content in (TEXT, TEXT + b"more", TEXT)]
    assert len(set(jobs)) == 3
    assert api.recorded() == 3
    assert api.arrivals() == [(2, "uploads/local/report.md", "pending")]


def test_the_same_bytes_under_another_name_are_another_document(api: Desk) -> None:
    first, second = (api.post((name, TEXT)).json()["jobs"][0] for name in ("a.md", "b.md"))
    assert first["document_id"] != second["document_id"]
    assert first["sha256"] == second["sha256"]


def test_an_object_that_a_sweep_saw_first_gets_its_job_and_no_second_arrival(api: Desk) -> None:
    (api.inbox / "uploads/local").mkdir(parents=True)
    (api.inbox / "uploads/local/report.md").write_bytes(TEXT)
    assert api.sweep().recorded == 1
    assert api.post(("report.md", TEXT)).json()["jobs"][0]["arrival"] == 0
    assert api.recorded() == 1


def test_a_removed_object_is_stored_anew(api: Desk) -> None:
    first = api.post(("report.md", TEXT)).json()
    (api.inbox / "uploads/local/report.md").unlink()
    again = api.post(("report.md", TEXT)).json()
    assert again["job_id"] != first["job_id"]
    assert api.files() == ["uploads/local/report.md"]


@pytest.mark.parametrize(
    "name", ["../evil.md", "a/b.md", "a\\b.md", "..", ".hidden.md", "draft.md~", "x.part", " x.md", "x" * 201]
)
def test_a_name_that_is_no_plain_file_name_is_refused(api: Desk, name: str) -> None:
    answer = api.post((name, TEXT))
    assert answer.status_code in {415, 422}
    assert answer.json()["remedy"]
    assert api.files() == []
    assert api.recorded() == 0


def test_control_characters_and_broken_text_are_no_names() -> None:
    for name in ("x\ty.md", "x\0.md", "\udcff.md", "\x7f.md", ""):
        with pytest.raises(UploadRefused):
            checked_name(name)


def test_an_office_file_that_says_late_what_it_is_goes_by_its_name(api: Desk) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("media/photo.bin", bytes(range(256)) * 300)
        archive.writestr("word/document.xml", "<w:document/>")
    assert api.post(("late.docx", packed.getvalue())).status_code == 202
    assert api.post(("archive.zip", packed.getvalue())).status_code == 415
    assert api.post(("short.docx", b"PK\x03\x04" + b"\0" * 100)).status_code == 415


def test_names_in_any_script_keep_one_spelling(api: Desk) -> None:
    composed, decomposed = "Bericht-\u00fc.md", "Bericht-u\u0308.md"
    first, second = (api.post((name, TEXT)).json()["job_id"] for name in (composed, decomposed))
    assert first == second
    assert api.files() == [f"uploads/local/{composed}"]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("photo.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 415),
        ("program.md", b"\x7fELF" + b"\0" * 9000, 415),
        ("noise.txt", bytes(range(256)) * 50, 415),
        ("empty.md", b"", 422),
        ("large.md", b"x" * (MAX_BYTES + 1), 413),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_stays(
    api: Desk, name: str, content: bytes, status: int
) -> None:
    answer = api.post((name, content))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.files() == []
    assert api.recorded() == 0


def test_a_file_of_exactly_the_limit_is_taken(api: Desk) -> None:
    assert api.post(("large.md", b"x" * MAX_BYTES)).status_code == 202


def test_refused_files_do_not_stop_the_others(api: Desk) -> None:
    body = api.post(("photo.png", b"\x89PNG\r\n\x1a\n"), ("a.md", TEXT), ("../b.md", TEXT)).json()
    assert [job["name"] for job in body["jobs"]] == ["a.md"]
    assert [(each["name"], each["status"]) for each in body["refused"]] == [("photo.png", 415), ("../b.md", 422)]


def test_too_many_files_are_refused_and_those_before_are_named(api: Desk) -> None:
    files = [(f"{number}.md", TEXT) for number in range(6)]
    refused = api.post(*files)
    assert refused.status_code == 413
    again = api.post(*files[:5]).json()
    assert refused.json()["jobs"] == [job["job_id"] for job in again["jobs"]]


def test_a_request_announced_too_large_is_refused_unread(api: Desk) -> None:
    host, port = api.api.removeprefix("http://").split(":")
    head = f"POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: {2**31}\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall((head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))  # it ends: the server closes, unasked for a body
    assert answer.startswith(b"HTTP/1.1 413")
    assert api.recorded() == 0


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 415),
        ("multipart/form-data; boundary=x", b"", 422),
        ("multipart/form-data; boundary=x", b"--x\r\nrubbish", 422),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\nhalf',
            422,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="who"\r\n\r\nme\r\n--x--',
            422,
        ),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x--", 422),
    ],
)
def test_a_body_that_is_no_complete_form_is_refused(api: Desk, content_type: str, content: bytes, status: int) -> None:
    answer = httpx.post(api.api + "/upload", content=content, headers={"content-type": content_type})
    assert (answer.status_code, bool(answer.json()["remedy"])) == (status, True)
    assert api.files() == []


def test_the_collection_is_named_in_the_query_or_before_the_files(api: Desk) -> None:
    assert api.post(("a.md", TEXT), params={"collection": COLLECTION}).status_code == 202
    assert api.post(("b.md", TEXT), data={"collection": COLLECTION}).status_code == 202
    unknown = api.post(("c.md", TEXT), data={"collection": "nowhere"})
    assert (unknown.status_code, COLLECTION in unknown.json()["remedy"]) == (404, True)
    assert api.post(("c.md", TEXT), params={"collection": "nowhere"}).status_code == 404


def test_a_collection_without_uploads_takes_none_and_a_changed_file_is_read_again(api: Desk) -> None:
    api.declare(uploads=None)
    assert api.post(("a.md", TEXT), params={"collection": COLLECTION}).status_code == 404
    api.declare()
    assert api.post(("a.md", TEXT), params={"collection": COLLECTION}).status_code == 202


def test_a_page_of_another_site_cannot_upload(api: Desk) -> None:
    assert api.post(("a.md", TEXT), headers={"origin": "https://evil.example"}).status_code == 403
    assert api.post(("a.md", TEXT), headers={"origin": "null"}).status_code == 403
    assert api.post(("a.md", TEXT), headers={"origin": api.api}).status_code == 202


def test_a_missing_folder_is_made_only_where_nothing_is_known_of_it(api: Desk) -> None:
    api.inbox.rmdir()
    assert api.post(("a.md", TEXT)).status_code == 202
    for path in sorted(api.inbox.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    api.inbox.rmdir()
    away = api.post(("b.md", TEXT))
    assert (away.status_code, api.inbox.exists()) == (503, False)


def test_a_sidecar_name_is_no_document_and_a_sidecar_counts_as_for_a_sweep(api: Desk) -> None:
    source = {"name": "inbox", "url": str(api.inbox), "metadata": [{"from": "sidecar"}]}
    api.declare(sources=[source])
    assert api.post(("a.md.meta.yaml", b"title: x")).status_code == 415
    (api.inbox / "uploads/local").mkdir(parents=True)
    (api.inbox / "uploads/local/a.md.meta.yaml").write_text("title: x")
    assert api.post(("a.md", TEXT)).status_code == 202
    assert api.sweep().recorded == 0


def test_the_schema_describes_uploads_with_an_example(api: Desk) -> None:
    schema = api.get("/openapi.json").json()
    for path in ("/v1/documents", "/upload"):
        posted = schema["paths"][path]["post"]
        assert "multipart/form-data" in posted["requestBody"]["content"]
        assert {"202", "404", "409", "413", "415", "422", "503"} <= set(posted["responses"])
    assert json.dumps(schema["components"]["schemas"]["UploadAnswer"]["examples"][0])
    assert "text/event-stream" in schema["paths"]["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
