"""A program's sign of life says whether its loops go round."""

import os
import subprocess
import sys
import time
from pathlib import Path

from resources.clients.heartbeat import Heartbeat, silent_s


def test_file_is_touched_while_every_loop_beats(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    heartbeat = Heartbeat(file)
    heartbeat.of("stream")
    heartbeat.touch()
    assert silent_s(file) is not None


def test_one_silent_loop_keeps_the_file_from_being_touched(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    heartbeat = Heartbeat(file, longest_round_s=0.05)
    beat = heartbeat.of("one")
    heartbeat.of("silent")
    time.sleep(0.06)
    beat()
    heartbeat.touch()
    assert heartbeat.silent() == ["silent"]
    assert silent_s(file) is None


def test_without_a_file_nothing_is_written() -> None:
    Heartbeat(None).touch()


def test_a_full_disk_ends_nobody(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "missing" / "heartbeat").touch()


def _asked(file: Path) -> int:
    command = [sys.executable, "-P", "-m", "resources.clients.heartbeat", "--within", "30"]
    environment = os.environ | {"RAG_HEARTBEAT": str(file), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, env=environment, capture_output=True, timeout=30).returncode


def test_program_says_whether_the_sign_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert _asked(file) == 1
    Heartbeat(file).touch()
    assert _asked(file) == 0
    old = time.time() - 31
    os.utime(file, (old, old))
    assert _asked(file) == 1
