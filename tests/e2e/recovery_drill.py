"""The restore drill: catalog, Parquet and index lost one at a time and all together, restored, and equal again.

``python -m tests.e2e.recovery_drill`` (``make drill``) brings up a stack of its own, ingests documents with rights and
metadata, edits and deletes some, takes a backup, and edits and deletes more: what a restore must find by itself. Then
each loss: destroy, restore, start, and compare every point with what was there before the loss. In between, a backup
and a restore are killed -9 in the middle and done again. It prints one line of JSON.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.index_state import Points, assert_equal, points_of
from tests.e2e.stack import Stack

COLLECTION = """\
name: notes
description: Documents of the restore drill.
owners: ["team:tests"]
partition_size: 64
sources:
  - name: inbox
    url: {url}
    include: ["**/*.md"]
    sweep: {{interval_s: 2}}
    metadata:
      - {{from: path, template: "{{team}}/**"}}
      - {{from: sidecar, suffix: .meta.yaml}}
index:
  fields: [{{name: team, type: keyword}}]
"""
LIMIT_S = 1800
TEAMS = ("red", "green", "blue")


class PatientStack(Stack):
    """A stack that may take long to come up: a drill runs where other work goes on."""

    def up(self) -> None:
        """Start it."""
        self.rag("up", "--detach", "--timeout", str(LIMIT_S), timeout_s=2 * LIMIT_S)


class Drill:
    """One stack, one backup folder, and what the index must hold."""

    def __init__(self, stack: Stack, backup: Path, documents: int) -> None:
        self._stack = stack
        self._backup = backup
        self._keys = [f"{TEAMS[number % 3]}/{number:04d}.md" for number in range(documents)]
        self.figures: dict[str, float] = {"documents": documents}

    def fill(self) -> None:
        """Write the documents, every fourth for some groups alone; then edit a fifth and delete a tenth of them."""
        for number, key in enumerate(self._keys):
            self._write(key, "first", groups=number % 4 == 0)
        self._settle()
        self._change("second", start=0)
        self._settle()

    def back_up(self) -> None:
        """Take a backup; the first attempt is killed in the middle, and is no backup."""
        killed = self._killed(["backup", str(self._backup)], when=lambda _: (self._backup / "catalog").is_dir())
        if killed and not (self._backup / "manifest.json").exists():
            refused = self._stack.rag("restore", str(self._backup), "--yes", check=False)
            assert "no finished backup" in refused.stderr, refused
        began_s = time.monotonic()
        done = self._stack.rag_json("backup", str(self._backup))
        self.figures |= {
            "backups_killed": int(killed),
            "backup_s": _since(began_s),
            "parquet_files": done["parquet_files"],
            "parquet_bytes": done["parquet_bytes"],
        }
        again = self._stack.rag_json("backup", str(self._backup))
        assert again["copied_files"] == 0, again

    def change_after_backup(self) -> None:
        """Edit, delete and narrow what the backup does not know, and remember what the index holds then."""
        self._change("third", start=1)
        sidecar = self._stack.inbox / f"{self._keys[4]}.meta.yaml"
        sidecar.write_text("allowed_groups: [auditors]\n")
        self._settle()
        self.expected: Points = self._points()
        self.figures["points"] = len(self.expected)

    def lose(self, what: str, destroy: Callable[[Stack], None], *, kill_restore: bool = False) -> None:
        """Destroy something, restore, start again, and compare."""
        destroy(self._stack)
        self._stack.rag("down")
        destroy(self._stack)
        words = ["restore", str(self._backup), "--yes", "--json"]
        if kill_restore:
            killed = self._killed(words, when=lambda said: "Making the index" in said)
            self.figures["restores_killed"] = self.figures.get("restores_killed", 0) + int(killed)
            self._stack.rag("down")
        began_s = time.monotonic()
        done = json.loads(self._stack.rag(*words, timeout_s=LIMIT_S).stdout)
        assert done["clean"], done
        if what == "all":  # with Dagster's own database
            assert done["partition_keys"]["added"] > 1, done
        self.figures[f"{what}_restore_s"] = _since(began_s)
        began_s = time.monotonic()
        self._stack.up()
        self._settle()
        self.figures[f"{what}_converged_s"] = _since(began_s)
        assert_equal(self._points(), self.expected)
        sys.stderr.write(f"{what}: lost, restored, equal\n")

    def repair_online(self) -> None:
        """Spoil the index of the running platform in several ways, and let ``rag audit --repair`` mend it."""
        url = f"http://127.0.0.1:{self._stack.ports['QDRANT']}"
        points = sorted(self.expected)
        _spoil(url, points)
        seen = self._stack.rag("audit", "--json", check=False, timeout_s=LIMIT_S)
        kinds = {each["kind"] for each in json.loads(seen.stdout)["collections"][0]["differences"]}
        assert seen.returncode == 1, seen
        assert kinds >= {"point_missing", "wrong_text", "wrong_rights"}, kinds
        began_s = time.monotonic()
        self._stack.rag("audit", "--repair", "--wait", str(LIMIT_S), timeout_s=2 * LIMIT_S)
        self.figures["repair_s"] = _since(began_s)
        assert_equal(self._points(), self.expected)

    def _change(self, word: str, *, start: int) -> None:
        for number in range(start, len(self._keys), 5):
            if (self._stack.inbox / self._keys[number]).exists():
                self._write(self._keys[number], word, groups=number % 4 == 0)
        for number in range(start + 2, len(self._keys), 10):
            (self._stack.inbox / self._keys[number]).unlink(missing_ok=True)

    def _write(self, key: str, word: str, *, groups: bool) -> None:
        paragraphs = [
            f"This is the {word} text of {key}, paragraph {place}. It tells of subject {hash_of(key, place)} and of "
            "how the platform finds it again after a loss, with its rights, its place and its metadata as they were."
            for place in range(8)
        ]
        if groups:
            sidecar = self._stack.inbox / f"{key}.meta.yaml"
            sidecar.parent.mkdir(parents=True, exist_ok=True)
            sidecar.write_text("allowed_groups: [readers, auditors]\n")
        self._stack.write(key, f"# {word} {key}\n\n" + "\n\n".join(paragraphs))

    def _settle(self) -> None:
        """Wait until the four places are equal and nothing is due."""

        def settled() -> bool:
            found = self._stack.rag("audit", "--no-vectors", "--json", check=False, timeout_s=LIMIT_S)
            if not found.stdout.startswith("{"):
                return False
            shown = json.loads(found.stdout)
            return bool(shown.get("clean")) and not any(each["due"] for each in shown["collections"])

        self._stack.wait_for("source, catalog, Parquet and index are equal", settled, limit_s=LIMIT_S)
        self._stack.rag("audit", timeout_s=LIMIT_S)

    def _points(self) -> Points:
        return points_of(f"http://127.0.0.1:{self._stack.ports['QDRANT']}", "notes")

    def _killed(self, words: list[str], *, when: Callable[[str], bool]) -> bool:
        """Run a command and kill it -9 as soon as it is in the middle; False if it was done before."""
        command = [str(Path(sys.executable).with_name("rag")), *words]
        with tempfile.TemporaryFile("w+") as said:
            running = subprocess.Popen(
                command, env=self._stack.environment, cwd=self._stack.folder, stdout=said, stderr=said
            )
            while running.poll() is None:
                said.seek(0)
                if when(said.read()):
                    running.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.01)
            return running.wait() == -signal.SIGKILL


def lose_catalog(stack: Stack) -> None:
    """Drop the catalog's tables under the running platform; Dagster's own database survives."""
    if (stack.home / "stack.json").exists():
        settings: dict[str, Any] = json.loads((stack.home / "stack.json").read_text())["settings"]
        with psycopg.connect(settings["database_url"], autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")


def lose_parquet(stack: Stack) -> None:
    """Delete every Parquet file."""
    shutil.rmtree(stack.home / "parquet", ignore_errors=True)


def lose_index(stack: Stack) -> None:
    """Delete the index's files, once nobody serves them."""
    if not (stack.home / "stack.json").exists():
        shutil.rmtree(stack.home / "qdrant", ignore_errors=True)


def lose_home(stack: Stack) -> None:
    """Delete the whole home: catalog, Parquet, index, and Dagster's database."""
    if not (stack.home / "stack.json").exists():
        shutil.rmtree(stack.home)


def hash_of(key: str, place: int) -> int:
    """Return a number that belongs to a paragraph."""
    return sum(map(ord, key)) * 31 + place


def run(folder: Path, *, documents: int) -> dict[str, float]:
    """Do the whole drill in a folder; fails with the first difference."""
    began_s = time.monotonic()
    stack = PatientStack(folder / "stack")
    (stack.collections / "notes.yaml").write_text(COLLECTION.format(url=stack.inbox.as_uri()))
    with stack:
        drill = Drill(stack, folder / "backup", documents)
        drill.fill()
        drill.back_up()
        drill.change_after_backup()
        drill.repair_online()
        drill.lose("catalog", lose_catalog)
        drill.lose("parquet", lose_parquet)
        drill.lose("index", lose_index)
        drill.lose("all", lose_home, kill_restore=True)
        drill.figures["seconds"] = _since(began_s)
        return drill.figures


def _spoil(url: str, points: list[str]) -> None:
    from contextlib import closing

    from rag_core.index_spec import Payload
    from resources.clients.qdrant.connect import connect

    with closing(connect(url)) as client:
        client.delete("notes", points[:5], wait=True)
        client.set_payload("notes", {Payload.TEXT: "Forged."}, points[5:10], wait=True)
        client.set_payload("notes", {Payload.ALLOWED_GROUPS: ["*"]}, points[10:15], wait=True)


def _since(began_s: float) -> float:
    return round(time.monotonic() - began_s, 1)


def main() -> int:
    """Run the drill and print its figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="work here and leave it; default a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rag-drill-") as temporary:
        folder: Path = given.folder or Path(temporary)
        done = run(folder, documents=given.documents)
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
