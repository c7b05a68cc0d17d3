"""Where the real files lie that some tests read: ``RAG_TEST_DATA``, or ``../shared/data`` beside the checkout."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def shared_folder(name: str) -> Path:
    """Return a folder of real files; skips by its name where there is none, fails where it was promised.

    The suite stands on the files that its tests make themselves, so a machine without the shared ones runs it, too.
    """
    stated = os.environ.get("RAG_TEST_DATA")
    folder = Path(stated) if stated else _ROOT.parent / "shared" / "data"
    if not (folder / name).is_dir():
        message = f"{name} is not in {folder} (RAG_TEST_DATA names another place)"
        if stated:
            pytest.fail(message)
        pytest.skip(message)
    return folder / name
