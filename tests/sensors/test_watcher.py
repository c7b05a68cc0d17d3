"""The watcher as its supervisor runs it: a real process, real folders, a real database that goes away."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.clients.catalog import Catalog
from tests.services.loopback import wait_until
from tests.services.postgres import PostgresServer

_COLLECTION = """\
name: notes
sources:
  - { name: landing, url: ../landing }
  - { name: later, url: ../later }
"""


class _Process:
    def __init__(self, folder: Path, url: str) -> None:
        self.collections = folder / "collections"
        self.collections.mkdir()
        (self.collections / "notes.yaml").write_text(_COLLECTION)
        (folder / "landing").mkdir()
        self._log = folder / "log"
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAG_")},
            "RAG_HOME": str(folder / "home"),
            "RAG_DATABASE_URL": url,
            "RAG_COLLECTIONS": str(self.collections),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "sensors.watcher"], env=environ, stdout=log, stderr=log
            )

    def said(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> None:
        wait_until(lambda: len(self.said(event)) >= count, what=f"{event}: {self._log.read_text()[-2000:]}")

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def watcher(tmp_path: Path, url: str) -> Iterator[_Process]:
    running = _Process(tmp_path, url)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.wait(30)


def _known(catalog: Catalog, source: str) -> list[str]:
    return [row.key for row in catalog.sources.known("notes", source, after_key="", through_key=None, limit=100)]


def test_dropped_changed_and_deleted_files_are_recorded_and_a_late_folder_is_watched(
    watcher: _Process, tmp_path: Path, catalog: Catalog
) -> None:
    watcher.wait_for("watching")
    (tmp_path / "landing" / "a b.txt").write_text("hello")
    wait_until(lambda: _known(catalog, "landing") == ["a b.txt"], what="the dropped file")
    (tmp_path / "landing" / "a b.txt").unlink()
    wait_until(lambda: _known(catalog, "landing") == [], what="the deletion")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "before.txt").write_text("there before the folder is watched")
    watcher.wait_for("watching", 2)
    (tmp_path / "later" / "c.txt").write_text("hello")
    wait_until(lambda: _known(catalog, "later") == ["before.txt", "c.txt"], what="the files in the late folder")
    watcher.process.send_signal(signal.SIGTERM)
    assert watcher.process.wait(30) == 0
    assert [line["reason"] for line in watcher.said("ended")] == ["asked to stop"]


def test_it_outlives_its_database_and_loses_no_hint(
    watcher: _Process, tmp_path: Path, server: PostgresServer, catalog: Catalog
) -> None:
    watcher.wait_for("watching")
    server.kill9()
    (tmp_path / "landing" / "during.txt").write_text("hello")
    watcher.wait_for("waiting")
    server.start()
    wait_until(lambda: _known(catalog, "landing") == ["during.txt"], what="the file dropped during the outage")
    assert watcher.process.poll() is None


def test_a_vanished_root_deletes_nothing(watcher: _Process, tmp_path: Path, catalog: Catalog) -> None:
    watcher.wait_for("watching")
    (tmp_path / "landing" / "a.txt").write_text("hello")
    wait_until(lambda: _known(catalog, "landing") == ["a.txt"], what="the dropped file")
    (tmp_path / "landing").rename(tmp_path / "away")
    watcher.wait_for("watching", 2)
    assert _known(catalog, "landing") == ["a.txt"]


def test_it_ends_when_a_collection_file_changes(watcher: _Process) -> None:
    watcher.wait_for("watching")
    (watcher.collections / "notes.yaml").write_text(_COLLECTION.replace("later", "other"))
    assert watcher.process.wait(30) == 0
    assert [line["reason"] for line in watcher.said("ended")] == ["the collection files changed"]
