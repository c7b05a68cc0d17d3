import tracemalloc
from pathlib import Path

import httpx
import pytest

from rag_client import InvalidRequest, RagClient, WaitedTooLong
from tests.client.conftest import MAX_BYTES, PAPERS, Service
from tests.uploads.settling import a_run, index_all

pytestmark = pytest.mark.xdist_group("client")  # one service for all of them


def test_a_file_goes_from_disk_with_progress_until_it_is_searchable(
    rag: RagClient, service: Service, tmp_path: Path
) -> None:
    paper = tmp_path / f"{tmp_path.name}.md"
    paper.write_text("Backups are kept. " * 20_000)
    seen: list[tuple[int, int]] = []
    upload = rag.upload(paper, collection=PAPERS, progress=lambda sent, total: seen.append((sent, total)))
    size = paper.stat().st_size
    assert seen[-1] == (size, size)
    assert len(seen) > 3
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)
    job = upload.jobs[0]
    assert (job.name, job.size_bytes, job.is_over) == (paper.name, size, False)
    with pytest.raises(WaitedTooLong):
        rag.wait_for_job(job, timeout_s=0)
    index_all(service.catalog)
    assert rag.wait_for_job(job.job_id, timeout_s=30).is_searchable
    assert [each.status for each in rag.job_events(job)] == ["Completed"]


def test_each_new_state_of_a_job_is_an_event(rag: RagClient, service: Service, tmp_path: Path) -> None:
    job = rag.upload((f"{tmp_path.name}.md", b"A text."), collection=PAPERS).jobs[0]
    events = rag.job_events(job)
    assert next(events).status == "Pending"
    with a_run(service.catalog) as run:
        due = run.due()
        run.begin(due)
        assert next(events).status == "Processing"
        for arrival in due:
            run.quarantine(arrival)
    last = list(events)[-1]
    assert (last.status, last.reason is not None) == ("Failed", True)
    assert rag.job(job).is_over


def test_several_files_have_a_job_each_and_the_refused_say_why(rag: RagClient) -> None:
    upload = rag.upload([("one.md", b"One."), ("two.md", b"Two."), (".hidden", b"Three.")], collection=PAPERS)
    assert [job.name for job in upload.jobs] == ["one.md", "two.md"]
    assert upload.refused is not None
    assert [(each.name, each.status) for each in upload.refused] == [(".hidden", 415)]


def test_the_same_idempotency_key_stores_once(rag: RagClient) -> None:
    first = rag.upload(("kept.md", b"Kept."), collection=PAPERS, idempotency_key="kept-1")
    assert rag.upload(("kept.md", b"Kept."), collection=PAPERS, idempotency_key="kept-1") == first
    with pytest.raises(InvalidRequest):
        rag.upload(("kept.md", b"Other."), collection=PAPERS, idempotency_key="kept-1")


def test_what_is_too_large_is_refused_with_the_reason(rag: RagClient, tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    large.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(InvalidRequest) as refused:
        rag.upload(large, collection=PAPERS)
    assert refused.value.status == 413


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    with large.open("wb") as written:
        written.truncate(64 * 2**20)
    taken = 0

    class Sink(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal taken
            assert isinstance(request.stream, httpx.SyncByteStream)
            taken = sum(len(piece) for piece in request.stream)
            return httpx.Response(422, json={"detail": "No.", "title": "Refused"})

    with httpx.Client(transport=Sink()) as http, RagClient("http://sink", http=http) as rag:
        tracemalloc.start()
        with pytest.raises(InvalidRequest):
            rag.upload(large)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert taken > 64 * 2**20
    assert peak < 4 * 2**20


def test_a_file_that_is_not_there_is_said_before_anything_is_sent(rag: RagClient, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rag.upload(tmp_path / "nothing.md", collection=PAPERS)
