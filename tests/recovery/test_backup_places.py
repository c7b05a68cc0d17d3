"""A backup's place: what makes it one, what a kill leaves there, where it may lie, and what is never in it."""

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rag_core.errors import ConfigurationError
from recovery.auditing import audit_collection
from recovery.backing_up import back_up
from recovery.backup_folder import OWNER, BackupFolder, digest_of, open_backup
from recovery.manifest import MANIFEST, Manifest
from recovery.opened import Opened
from recovery.restoring import check_backup
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus, Killed, assert_same_points, paragraphs
from tests.recovery.losing import killing, loaded, lose_everything, restored
from tests.services.loopback import wait_until
from tests.services.seaweed import SeaweedServer


def test_a_killed_backup_is_refused_and_a_killed_second_one_leaves_the_first(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    for step in ("catalog", "part", "parts"):
        with pytest.raises(Killed):
            back_up(served, folder, step=killing(step))
        with pytest.raises(ConfigurationError, match="no finished backup"):
            check_backup(folder)
    first = back_up(served, folder).manifest
    filled.write("e.md", paragraphs("elder"))
    filled.ingest()
    for step in ("catalog", "part", "parts"):
        with pytest.raises(Killed):
            back_up(served, folder, step=killing(step))
        assert check_backup(folder) == first
    with pytest.raises(Killed):
        back_up(served, folder, step=killing("manifest"))
    assert check_backup(folder) != first
    last = back_up(served, folder)
    assert last.copied_files == 0
    assert check_backup(folder) == last.manifest
    tables = {path.parent.name for path in Path(folder.place).glob("catalog/*/*.gz")}
    assert tables == {last.manifest.id}
    assert set(folder.parts()) == {part.file for part in last.manifest.parts}


def test_a_backup_with_a_file_that_is_damaged_missing_or_not_ours_is_refused(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    manifest = back_up(served, folder).manifest
    root = Path(folder.place)
    table = root / next(one.stored.file for one in manifest.tables if one.name == "arrivals")
    whole = table.read_bytes()
    table.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ConfigurationError, match="arrivals"):
        check_backup(folder)
    table.write_bytes(whole)
    part = root / "parquet" / manifest.parts[0].file
    kept = part.read_bytes()
    part.unlink()
    with pytest.raises(ConfigurationError, match="parquet"):
        check_backup(folder)
    part.write_bytes(bytes(len(kept)))
    before = filled.points()
    shutil.rmtree(served.settings.parquet)
    with pytest.raises(ConfigurationError, match="damaged"):
        restored(filled, served, folder)
    assert_same_points(filled.points(), before)
    part.write_bytes(kept)
    manifest_file = root / MANIFEST
    written = json.loads(manifest_file.read_text())
    manifest_file.write_text(json.dumps(written | {"manifest": written["manifest"].replace("part-", "../part-")}))
    with pytest.raises(ConfigurationError, match="manifest"):
        check_backup(folder)


def test_a_backup_under_an_s3_prefix_is_restored(filled: Corpus, served: Opened) -> None:
    before = filled.points()
    with SeaweedServer() as seaweed:
        place = open_backup(f"s3://{seaweed.create_bucket()}/nightly", environ=seaweed.environment, make=True)
        with pytest.raises(ConfigurationError, match="no finished backup"):
            check_backup(place)
        back_up(served, place)
        assert back_up(served, place).copied_files == 0
        lose_everything(filled, served)
        restored(filled, served, place)
    assert_same_points(filled.points(), before)
    assert audit_collection(loaded(filled), served).is_clean


def test_no_secret_is_in_a_backup(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    secret = served.settings.model_copy(update={"qdrant_api_key": "hunter-the-second", "api_key": "hunter-the-third"})
    back_up(replace(served, settings=secret), folder)
    url = served.settings.require("database_url")
    for path in Path(folder.place).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"hunter-the" not in content
            assert url.encode() not in content


def test_what_a_kill_left_half_written_goes_with_the_next_backup(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    back_up(served, folder)
    for half in (
        f"{MANIFEST}.77.tmp",
        "journal/part-killed-000000.json",
        "journal/part-killed-000001.json.77.tmp",
        "catalog/killed/part-arrivals.copy.gz",
        "catalog/killed/part-parts.copy.gz.77.tmp",
        "parquet/notes/000000/chunks/part-unknown.parquet",
        "parquet/notes/000000/chunks/part-x.parquet.77.tmp",
    ):
        path = Path(folder.place) / half
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    manifest = back_up(served, folder).manifest
    left = {path.relative_to(folder.place).as_posix() for path in Path(folder.place).rglob("*") if path.is_file()}
    named = {table.stored.file for table in manifest.tables} | {f"parquet/{part.file}" for part in manifest.parts}
    assert left == {MANIFEST, OWNER, *named}


def test_a_backup_that_was_killed_is_gone_on_with(
    filled: Corpus, served: Opened, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recovery.copy_journal.MOST_FILES", 2)
    reached: list[str] = []

    def step(name: str) -> None:
        reached.append(name)
        if reached.count("part") == 5:
            raise Killed

    with pytest.raises(Killed):
        back_up(served, folder, step=step)
    journal = Path(folder.place) / "journal"
    assert len(list(journal.iterdir())) == 2
    (journal / "part-broken-000000.json").write_text('[["half')
    done = back_up(served, folder)
    assert done.copied_files == len(done.manifest.parts) - 4
    assert check_backup(folder) == done.manifest
    for part in done.manifest.parts:
        with folder.open(f"parquet/{part.file}") as source:
            assert digest_of(source) == part.sha256
    assert not list(journal.glob("*"))


def test_a_second_backup_waits_for_the_first_and_leaves_it_whole(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    seen: list[Manifest] = []
    second = threading.Thread(
        target=lambda: back_up(
            served, folder, step=lambda name: seen.append(check_backup(folder)) if name == "catalog" else None
        )
    )

    def step(name: str) -> None:
        if name == "catalog":
            second.start()
            wait_until(lambda: bool(rows(served.settings.require("database_url"), _WAITING)), what="the second to wait")

    first = back_up(served, folder, step=step).manifest
    second.join(60)
    assert seen == [first]
    assert check_backup(folder) != first


_WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
