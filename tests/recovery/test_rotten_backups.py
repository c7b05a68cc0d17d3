"""A backup in which a file rots, or that does not fit this program: seen in time, and no more lost than that."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace as replaced
from pathlib import Path

import pytest

from rag_core.errors import ConfigurationError, InvalidRequest
from recovery.auditing import audit_collection
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.bringing_back import restore_parts
from recovery.manifest import MANIFEST, Manifest
from recovery.opened import Opened
from recovery.restoring import restore
from tests.pipeline.corpus import Corpus, assert_same_points
from tests.recovery.losing import loaded, lose_everything, restored


def rot(folder: BackupFolder, file: str) -> None:
    path = Path(folder.place) / "parquet" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewritten(folder: BackupFolder, change: Callable[[Manifest], Manifest]) -> None:
    path = Path(folder.place) / MANIFEST
    path.write_bytes(change(Manifest.from_bytes(path.read_bytes(), place="")).to_bytes())


def test_a_file_that_rotted_in_the_backup_is_copied_again(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    parts = [part.file for part in back_up(served, folder).manifest.parts]
    rot(folder, parts[1])
    said: list[str] = []
    done = back_up(served, folder, verify=True, say=said.append)
    assert done.copied_files == 1
    assert any(parts[1] in line for line in said)
    assert back_up(served, folder, verify=True).copied_files == 0
    lose_everything(filled, served)
    restored(filled, served, folder)


def test_every_file_has_its_turn_within_ten_days(
    filled: Corpus, served: Opened, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in back_up(served, folder).manifest.parts:
        rot(folder, part.file)
    copied = 0
    for turn in range(10):
        monkeypatch.setattr("recovery.backing_up.crc32", lambda data, turn=turn: sum(data) + turn)
        copied += back_up(served, folder).copied_files
    assert copied == len(back_up(served, folder).manifest.parts)


def test_one_rotten_file_keeps_no_other_from_being_brought_back(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    before = filled.points()
    parts = [part.file for part in back_up(served, folder).manifest.parts]
    rot(folder, parts[0])
    live = Path(served.settings.parquet)
    shutil.rmtree(live)
    live.mkdir()
    with pytest.raises(ConfigurationError, match="damaged"):
        restore_parts(served.settings, folder)
    assert {path.relative_to(live).as_posix() for path in live.rglob("*.parquet")} == set(parts[1:])
    lose_everything(filled, served)
    with pytest.raises(ConfigurationError, match="damaged") as refused:
        restored(filled, served, folder)
    assert "--without-damaged" in refused.value.remedy
    restored(filled, served, folder, without_damaged=True)
    found = audit_collection(loaded(filled), served)
    assert {difference.kind.value for difference in found.differences} >= {"file_missing"}
    assert filled.points().items() <= before.items()


def test_what_cannot_be_restored_is_refused_before_the_index_is_dropped(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    before = filled.points()
    back_up(served, folder)
    with pytest.raises(InvalidRequest, match=f"declares {filled.name}"):
        restore(served.settings, folder, [])
    rewritten(folder, lambda manifest: replaced(manifest, schema="9999"))
    with pytest.raises(ConfigurationError, match="9999"):
        restored(filled, served, folder)
    assert_same_points(filled.points(), before)


def test_a_collection_is_given_up_by_name(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    back_up(served, folder)
    filled.catalog.close()
    assert restore(served.settings, folder, [], without=[filled.name]).not_declared == (filled.name,)


def test_a_damaged_manifest_is_no_manifest(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    back_up(served, folder)
    path = Path(folder.place) / MANIFEST
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"manifest": written["manifest"][:-1]}))
    with pytest.raises(ConfigurationError, match="manifest"):
        restored(filled, served, folder)
