import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rag_core.collection import Limits
from rag_core.errors import DependencyUnavailable, DocumentRejected, DocumentUnavailable, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing import ParseJob, ParseLimits, ParserSandbox

MIB = 1024 * 1024
HOSTILE = "tests.parsing.hostile_worker"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as opened:
        yield opened


@pytest.fixture
def hostile() -> Iterator[ParserSandbox]:
    limits = ParseLimits(timeout_s=1.5, max_memory_bytes=160 * MIB, max_text_bytes=MIB)
    with ParserSandbox(limits, worker_module=HOSTILE) as opened:
        yield opened


def kind_of(sandbox: ParserSandbox, data: bytes, name: str = "x.txt") -> QuarantineKind:
    with pytest.raises(DocumentRejected) as caught:
        sandbox.parse(data, name=name)
    assert caught.value.remedy
    return caught.value.kind


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_endless_loop_is_stopped_by_the_clock(hostile: ParserSandbox) -> None:
    assert kind_of(hostile, b"spin") is QuarantineKind.TOO_SLOW
    assert hostile.parse(b"fine", name="x.txt").text.startswith("pid")


def test_memory_hoarder_is_killed_and_the_next_document_parses(hostile: ParserSandbox) -> None:
    assert kind_of(hostile, b"grow") is QuarantineKind.TOO_MUCH_MEMORY
    assert hostile.parse(b"fine", name="x.txt").text.startswith("pid")


def test_document_that_kills_its_worker_twice_is_crashed(hostile: ParserSandbox) -> None:
    with pytest.raises(DocumentRejected) as caught:
        hostile.parse(b"die", name="x.txt")
    assert caught.value.kind is QuarantineKind.CRASHED
    assert "SIGSEGV" in caught.value.message
    assert kind_of(hostile, b"exit") is QuarantineKind.CRASHED


def test_first_death_is_forgiven_in_a_fresh_worker(hostile: ParserSandbox, tmp_path: Path) -> None:
    document = hostile.parse(f"die-once {tmp_path / 'died'}".encode(), name="x.txt")
    assert document.text.startswith("pid")
    assert (tmp_path / "died").exists()


def test_worker_killed_in_the_middle_of_a_document_costs_a_retry(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    texts: list[str] = []
    with ParserSandbox(worker_module=HOSTILE) as sandbox:
        document = f"wait-first-time {marker}".encode()
        thread = threading.Thread(target=lambda: texts.append(sandbox.parse(document, name="x.txt").text))
        thread.start()
        assert eventually(lambda: marker.exists() and marker.read_text().endswith("\n"))
        first = int(marker.read_text())
        os.kill(first, signal.SIGKILL)
        thread.join()
    assert len(texts) == 1
    assert texts != [f"pid {first}"]


def test_worker_is_reused_and_replaced_after_its_share() -> None:
    with ParserSandbox(ParseLimits(), worker_module=HOSTILE, documents_per_worker=2) as sandbox:
        pids = [sandbox.parse(b"fine", name="x.txt").text for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_noise_on_standard_output_does_not_reach_the_answers(hostile: ParserSandbox) -> None:
    assert hostile.parse(b"print", name="x.txt").text.startswith("pid")


def test_offsets_outside_the_text_are_not_believed(hostile: ParserSandbox) -> None:
    assert kind_of(hostile, b"lie") is QuarantineKind.CRASHED


def test_more_text_than_allowed_is_not_read(hostile: ParserSandbox) -> None:
    assert kind_of(hostile, b"large") is QuarantineKind.CRASHED


def test_worker_sees_no_secret_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_DATABASE_URL", "postgresql://user:secret@host/db")
    with ParserSandbox(worker_module=HOSTILE) as sandbox:
        seen = sandbox.parse(b"env", name="x.txt", passwords=["hunter2"]).text
        assert "RAG_DATABASE_URL" not in seen
        assert "hunter2" not in seen
        assert sandbox.parse(b"passwords", name="x.txt", passwords=["hunter2"]).text == "['hunter2']"
        assert sandbox.parse(b"where", name="x.txt").text.endswith(" []")
        assert sandbox.parse(b"write", name="x.txt").text == "OSError"


def test_passwords_show_in_no_representation() -> None:
    job = ParseJob(source=b"x", name="x.pdf", passwords=["hunter2"])
    assert "hunter2" not in repr(job)


def test_what_a_worker_started_dies_with_it(hostile: ParserSandbox, tmp_path: Path) -> None:
    assert kind_of(hostile, f"child {tmp_path / 'pid'}".encode()) is QuarantineKind.TOO_SLOW
    assert eventually(lambda: is_gone(int((tmp_path / "pid").read_text())))


def test_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    script = f"""
        import threading, time
        from resources.clients.parsing import ParserSandbox
        with ParserSandbox(worker_module={HOSTILE!r}) as sandbox:
            # from a thread that ends: the worker must outlive it, and not outlive the process
            def first():
                print(sandbox.parse(b"fine", name="x.txt").text, flush=True)
            thread = threading.Thread(target=first)
            thread.start()
            thread.join()
            print(sandbox.parse(b"fine", name="x.txt").text, flush=True)
            sandbox.parse(b"spin", name="x.txt")
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    first, second = parent.stdout.readline(), parent.stdout.readline()
    worker = int(first.split()[1])
    assert first == second
    assert not is_gone(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: is_gone(worker))


def test_closing_ends_every_worker() -> None:
    with ParserSandbox(worker_module=HOSTILE) as sandbox:
        worker = int(sandbox.parse(b"fine", name="x.txt").text.split()[1])
        assert not is_gone(worker)
    assert is_gone(worker)


def test_worker_that_cannot_start_is_an_outage_not_a_bad_document() -> None:
    with ParserSandbox(worker_module="tests.parsing.no_such_module") as sandbox, pytest.raises(DependencyUnavailable):
        sandbox.parse(b"text", name="x.txt")


def test_large_document_and_large_answer_pass_without_deadlock(sandbox: ParserSandbox, tmp_path: Path) -> None:
    line = "The quick brown fox jumps over the lazy dog again and again.\n"
    path = tmp_path / "large.txt"
    path.write_text(line * (12 * MIB // len(line)))
    document = sandbox.parse(path, name="large.txt")
    assert len(document.text) == path.stat().st_size - 1


def test_hundred_megabytes_of_text_are_refused_by_the_limit_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    path.write_bytes(b"some words in a line\n" * 5_000_000)
    with ParserSandbox(ParseLimits(max_document_bytes=50 * MIB)) as sandbox:
        with pytest.raises(DocumentRejected, match="max_document_bytes") as caught:
            sandbox.parse(path, name="huge.txt")
        assert caught.value.kind is QuarantineKind.TOO_LARGE
    with ParserSandbox(ParseLimits(max_text_bytes=MIB)) as sandbox:
        with pytest.raises(DocumentRejected, match="max_text_bytes") as caught:
            sandbox.parse(path.read_bytes()[: 3 * MIB], name="huge.txt")
        assert caught.value.kind is QuarantineKind.TOO_LARGE


def test_missing_local_file_is_unavailable_not_rejected(sandbox: ParserSandbox, tmp_path: Path) -> None:
    with pytest.raises(DocumentUnavailable):
        sandbox.parse(tmp_path / "gone.txt", name="gone.txt")


def test_many_documents_stream_through_several_workers_each_with_its_own_outcome(hostile: ParserSandbox) -> None:
    jobs = [ParseJob(source=b"die" if n % 7 == 3 else b"fine", name=f"{n}.txt", reference=str(n)) for n in range(21)]
    outcomes = {job.reference: result for job, result in hostile.parse_many(jobs, workers=2)}
    assert len(outcomes) == 21
    for n in range(21):
        result = outcomes[str(n)]
        if n % 7 == 3:
            assert isinstance(result, DocumentRejected)
        else:
            assert isinstance(result, ParsedDocument)


def test_input_is_read_only_as_fast_as_results_are_taken(hostile: ParserSandbox) -> None:
    taken: list[int] = []

    def endless() -> Iterator[ParseJob]:
        while True:
            taken.append(1)
            yield ParseJob(source=b"fine", name="x.txt")

    results = hostile.parse_many(endless(), workers=2)
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator, declared as the iterator it is for callers
    assert len(taken) <= 8


def test_broken_input_is_raised_to_the_reader(hostile: ParserSandbox) -> None:
    def broken() -> Iterator[ParseJob]:
        yield ParseJob(source=b"fine", name="x.txt")
        raise KeyError("listing")

    with pytest.raises(KeyError, match="listing"):
        list(hostile.parse_many(broken(), workers=1))


def test_sandbox_outside_its_block_says_so() -> None:
    with pytest.raises(RuntimeError, match="with"):
        ParserSandbox().parse(b"x", name="x.txt")


def test_limits_come_from_the_collection() -> None:
    assert ParseLimits.of_collection(Limits(parse_timeout_s=5, max_pages=7)) == ParseLimits(
        timeout_s=5, max_pages=7, max_text_bytes=32 * MIB
    )


def test_importing_the_door_loads_no_parser() -> None:
    code = (
        "import sys, resources.clients.parsing; print([m for m in sys.modules if m in {'pypdf', 'pypdfium2', 'yaml'}])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


def test_a_large_parent_does_not_pass_for_a_worker_that_took_too_much_memory() -> None:
    ballast = bytearray(b"x") * (400 * MIB)
    limits = ParseLimits(timeout_s=5, max_memory_bytes=160 * MIB, max_text_bytes=MIB)
    with ParserSandbox(limits, worker_module=HOSTILE) as opened:
        assert kind_of(opened, b"die") is QuarantineKind.CRASHED
    assert ballast
