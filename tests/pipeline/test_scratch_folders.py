"""What a killed run leaves on the disk is removed by the next one, and by nobody who works."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.clients.scratch_folders import KINDS, scratch_folder

_HOLDS = """\
import sys, time
from resources.clients.scratch_folders import scratch_folder
with scratch_folder(sys.argv[1]) as folder:
    (folder / "download").write_text("bytes of a document")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def somebody(kind: str, place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that has such a folder."""
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-P", "-c", _HOLDS, kind]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_of_a_killed_process_goes_when_the_next_one_is_made(kind: str, place: Path) -> None:
    with somebody(kind, place) as (process, left):
        assert (left / "download").exists()
        with scratch_folder(kind):
            assert (left / "download").exists()  # its owner works
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert (left / "download").exists()
        with scratch_folder(kind) as own:
            assert [each for each in place.iterdir() if each.name.startswith(KINDS)] == [own]
    assert list(place.iterdir()) == []


def test_a_folder_without_a_lock_is_left_alone_for_a_day(place: Path) -> None:
    young, old, others = place / "rag-reading-young", place / "rag-reading-old", place / "rag-else"
    for each in (young, old, others):
        each.mkdir()
        (each / "download").write_text("bytes")
    os.utime(old, (1, 1))
    os.utime(others, (1, 1))
    link = place / "rag-reading-link"
    link.symlink_to(others)
    with scratch_folder("rag-parsing-"):
        assert {each.name for each in place.iterdir()} >= {young.name, others.name, link.name}
        assert not old.exists()
    assert (others / "download").exists()
