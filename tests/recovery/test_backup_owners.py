"""A backup deletes what is old in its place, so it takes no place that is not its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from rag_core.errors import InvalidRequest
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder, open_backup
from recovery.opened import Opened, opened
from recovery.restoring import check_backup, restore
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus, Killed
from tests.recovery.losing import killing, loaded, lose_everything, restored
from tests.services.postgres import PostgresServer
from tests.services.seaweed import SeaweedServer


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def forget_platform(tools: Opened) -> None:
    """Make the catalog one of another platform, or what is left where it was lost and made anew."""
    rows(tools.settings.require("database_url"), "DELETE FROM platform")


def test_files_that_are_no_backup_are_left_alone(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    root = Path(folder.place)
    for file in ("catalog/mine/part-1.odt", "parquet/photos/part-2.jpg", "notes.txt"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"mine")
        before = contents(root)
        for gives_up in (False, True):
            with pytest.raises(InvalidRequest, match="no backup"):
                back_up(served, folder, replace=gives_up)
        assert contents(root) == before


def test_objects_that_are_no_backup_are_left_alone(filled: Corpus, served: Opened) -> None:
    with SeaweedServer() as seaweed:
        bucket = seaweed.create_bucket()
        place = open_backup(f"s3://{bucket}/nightly", environ=seaweed.environment, make=True)
        place.write("catalog/2026/products.csv", lambda sink: sink.write(b"mine") and None)
        with pytest.raises(InvalidRequest, match="no backup"):
            back_up(served, place)
        assert place.files("catalog") == ["catalog/2026/products.csv"]
        other = open_backup(f"s3://{bucket}/weekly", environ=seaweed.environment, make=True)
        back_up(served, other)
        other.write("catalog/2026/products.csv", lambda sink: sink.write(b"mine") and None)
        back_up(served, other)
        assert "catalog/2026/products.csv" in other.files("catalog")


def test_another_platforms_backup_stays_unless_it_is_given_up(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    first = back_up(served, folder).manifest
    before = contents(Path(folder.place))
    forget_platform(served)
    with pytest.raises(InvalidRequest, match="another platform") as refused:
        back_up(served, folder)
    assert "--replace" in refused.value.remedy
    assert contents(Path(folder.place)) == before
    with pytest.raises(Killed):
        back_up(served, folder, replace=True, step=killing("catalog"))
    assert check_backup(folder) == first
    assert back_up(served, folder).manifest == check_backup(folder)


def test_a_folder_of_the_program_before_is_gone_on_with(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    back_up(served, folder)
    (Path(folder.place) / "owner").unlink()
    with pytest.raises(InvalidRequest, match="another platform"):
        back_up(served, folder)
    manifest = replace(folder.manifest(), schema="0012")
    (Path(folder.place) / "manifest.json").write_bytes(manifest.to_bytes())
    back_up(served, folder)
    assert folder.owner() == served.catalog.platform()


def test_an_owner_of_any_name_is_read_as_it_was_written(folder: BackupFolder) -> None:
    folder.write("owner", lambda sink: sink.write("1 in 2/bücher/öffentlich".encode()) and None)
    assert folder.owner() == "1 in 2/bücher/öffentlich"


def test_a_restored_platform_goes_on_in_its_folder(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    back_up(served, folder)
    lose_everything(filled, served)
    restored(filled, served, folder)
    back_up(served, folder)


def test_two_platforms_that_begin_at_once_do_not_mix(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    def other_begins(name: str) -> None:
        if name == "parts":
            folder.write("owner", lambda sink: sink.write(b"another") and None)

    with pytest.raises(InvalidRequest, match="Another platform"):
        back_up(served, folder, step=other_begins)
    assert folder.known_manifest() is None


def test_a_copy_in_another_database_leaves_the_backup_alone(
    filled: Corpus, served: Opened, folder: BackupFolder, postgres: PostgresServer, tmp_path: Path
) -> None:
    first = back_up(served, folder).manifest
    url = postgres.create_database()
    elsewhere = served.settings.model_copy(update={"database_url": url, "parquet": str(tmp_path / "staging")})
    done = restore(elsewhere, folder, [loaded(filled)])
    assert not done.goes_on_there
    with opened(elsewhere) as tools:
        with pytest.raises(InvalidRequest, match="another database"):
            back_up(tools, folder)
        assert check_backup(folder) == first
        back_up(tools, folder, replace=True)
    postgres.drop_database(url)


def test_a_place_in_a_source_is_refused(filled: Corpus, served: Opened, tmp_path: Path) -> None:
    (tmp_path / "collections").mkdir()
    declared = "name: notes\nsources:\n  - {name: inbox, url: ../landing}\n  - {name: far, url: 's3://ours/landing'}\n"
    (tmp_path / "collections" / "notes.yaml").write_text(declared)
    (tmp_path / "landing").mkdir()
    declaring = served.settings.model_copy(update={"collections": tmp_path / "collections"})
    for place in (str(tmp_path / "landing" / "backups"), "s3://ours/landing/backups", "s3://ours"):
        folder = open_backup(place, environ={"AWS_REGION": "us-east-1"}, make=True)
        with pytest.raises(InvalidRequest, match="of notes"):
            back_up(replace(served, settings=declaring), folder)


@pytest.mark.parametrize("where", ["parts", "parts/inside", "."])
def test_a_place_that_touches_the_live_parquet_is_refused(
    filled: Corpus, served: Opened, tmp_path: Path, where: str
) -> None:
    live = contents(Path(served.settings.parquet))
    (tmp_path / "seen").symlink_to(tmp_path)
    place = open_backup(str(tmp_path / "seen" / where), environ={}, make=True)
    with pytest.raises(InvalidRequest, match="lie in one another"):
        back_up(served, place)
    assert contents(Path(served.settings.parquet)) == live
