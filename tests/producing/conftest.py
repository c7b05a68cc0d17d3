"""The command as a person types it, in this process, with a home of its own and no stack."""

from pathlib import Path

import pytest

from tests.command_line import Rag, in_this_process


@pytest.fixture
def rag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rag:
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAG_COLLECTIONS", str(tmp_path / "collections"))
    monkeypatch.delenv("RAG_KAFKA", raising=False)

    return in_this_process(monkeypatch, capsys)
