"""``rag audit`` and ``rag restore`` where a collection's file is unusable: said, and never taken for clean."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_stack.cli.main import main
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from tests.pipeline.corpus import Corpus, assert_same_points

Rag = Callable[..., tuple[int, str]]


@pytest.fixture
def rag(
    served: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Rag]:
    """Return the command line of a platform whose one collection file is unusable."""
    files = tmp_path / "collections"
    files.mkdir()
    (files / "broken.yaml").write_text("name: broken\nsources: 7\n")
    settings = served.settings
    for name, value in {
        "HOME": settings.home,
        "COLLECTIONS": files,
        "DATABASE_URL": settings.require("database_url"),
        "QDRANT_URL": settings.qdrant_url,
        "PARQUET": settings.parquet,
    }.items():
        monkeypatch.setenv(f"RAG_{name}", str(value))
    settings.home.mkdir()
    mask = os.umask(0o077)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rag", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    yield run
    os.umask(mask)


def test_an_audit_of_files_that_are_unusable_is_not_clean(filled: Corpus, rag: Rag) -> None:
    code, said = rag("audit")
    assert code == 1
    assert "broken.yaml" in said
    assert f"no usable file declares the collection {filled.name}" in said


def test_a_restore_is_refused_before_anything_is_touched(
    filled: Corpus, served: Opened, folder: BackupFolder, rag: Rag
) -> None:
    back_up(served, folder)
    before = filled.points()
    filled.catalog.close()
    code, said = rag("restore", folder.place, "--yes")
    assert code not in {0, None}
    assert "broken.yaml" in said
    assert_same_points(filled.points(), before)
    code, said = rag("restore", folder.place, "--only", "parquet")
    assert code == 1
    assert "left out" in said
    assert "broken.yaml" in said
