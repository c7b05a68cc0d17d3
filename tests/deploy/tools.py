"""Where the tests of operations find the tools they run: built by `deploy.tools`, else a skip says how."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from deploy.tools.recipes import BY_NAME, cache_folder, placed_at


def tool(name: str) -> Path:
    """The built tool of that name; where it is missing the test is skipped, or fails under RAG_TEST_REQUIRE_DEPLOY."""
    place = placed_at(BY_NAME[name], cache_folder())
    if place.is_file():
        return place
    return _missing(f"{name} is not built: python -m deploy.tools build {name}")


def installed(name: str, *, by: str) -> Path:
    """A program that a package manager brings, on the path or beside this Python; `by` says how to install it."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if found := shutil.which(name, path=beside):
        return Path(found)
    return _missing(f"{name} is not installed: {by}")


def _missing(reason: str) -> Path:
    if os.environ.get("RAG_TEST_REQUIRE_DEPLOY"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
