"""Prometheus' own tool, which reads rules and expressions as the server does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def prometheus_program(name: str) -> str:
    """Return where ``promtool`` or ``prometheus`` is; without it the test is skipped, or fails where all must run."""
    found = shutil.which(name)
    if found is None:
        missing = f"{name} is not installed: apt-get install --no-install-recommends prometheus"
        if os.environ.get("RAG_TEST_REQUIRE_ALL"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found


def promtool(*arguments: str | Path) -> None:
    """Run the tool; what it refuses fails the test with its words."""
    done = subprocess.run(
        [prometheus_program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
