"""Deletions that look like a mistake stop a sweep until a person says so, or until what was gone is back."""

import shutil
from pathlib import Path

import pytest

from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, StopKind
from resources.clients.object_store import RootMissing
from sensors.source_stops import SourceStopped
from tests.sources.conftest import OpenSweep
from tests.sources.sweeping import complete, known, write

_LIMITS = PartitionLimits(size=512, bytes=2**28)


def test_a_missing_root_stops_red_and_lifts_when_it_is_back_with_nothing_deleted(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, "a.txt", "b.txt")
    complete(open_sweep())
    root.rename(root.with_name("away"))
    with pytest.raises(SourceStopped, match="rag sources confirm notes landing"):
        open_sweep().tick()
    assert [stop.kind for stop in catalog.sources.stopped("notes")] == [StopKind.ROOT_MISSING]
    root.with_name("away").rename(root)
    assert complete(open_sweep()).deleted == 0
    assert not catalog.sources.stopped("notes")
    assert known(catalog) == ["a.txt", "b.txt"]


def test_a_missing_root_that_a_person_gives_up_is_deleted_and_only_this_time(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, *(f"{number}.txt" for number in range(30)))
    complete(open_sweep())
    shutil.rmtree(root)
    with pytest.raises(SourceStopped):
        open_sweep().tick()
    catalog.sources.confirm(catalog.sources.stopped("notes")[0].id, by="test", limits=_LIMITS)
    assert complete(open_sweep()).deleted == 30
    with pytest.raises(RootMissing):
        open_sweep().tick()
    root.mkdir()
    write(root, "new.txt")
    complete(open_sweep())
    shutil.rmtree(root)
    with pytest.raises(SourceStopped):
        open_sweep().tick()
    assert known(catalog) == ["new.txt"]


def test_an_empty_mount_deletes_nothing_until_a_person_confirms(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, "a.txt", "b.txt")
    complete(open_sweep())
    root.rename(root.with_name("away"))
    root.mkdir()
    tick = complete(open_sweep())
    assert tick.deleted == 0
    assert [stop.reason for stop in tick.stops] == [
        "2 of 2 objects would be deleted: the last sweep did not find them."
    ]
    catalog.sources.confirm(tick.stops[0].id, by="test", limits=_LIMITS)
    assert known(catalog) == []
    assert not complete(open_sweep()).stops


def test_the_last_file_of_the_same_folder_may_be_deleted(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    write(root, "only.txt")
    complete(open_sweep())
    (root / "only.txt").unlink()
    assert complete(open_sweep()).deleted == 1
    assert not catalog.sources.stopped("notes")


def test_many_gone_at_once_stop_red_while_new_files_are_recorded(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, *(f"{number:03}.txt" for number in range(90)))
    complete(open_sweep())
    for number in range(20):
        (root / f"{number:03}.txt").unlink()
    write(root, "new.txt")
    tick = complete(open_sweep())
    assert (tick.recorded, tick.deleted, len(tick.stops)) == (1, 0, 1)
    catalog.sources.confirm(tick.stops[0].id, by="test", limits=_LIMITS)
    assert len(known(catalog)) == 71


def test_a_glob_taken_out_of_the_declaration_stops_red(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    write(root, "a.txt", "b.md")
    complete(open_sweep())
    tick = complete(open_sweep(include=["**/*.md"]))
    assert [stop.kind for stop in tick.stops] == [StopKind.GLOBS_CHANGED]
    assert known(catalog) == ["a.txt", "b.md"]


def test_a_source_taken_out_of_the_declaration_stops_itself_and_no_other(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, "a.txt")
    complete(open_sweep())
    assert complete(open_sweep(name="other")).stops == ()
    assert [(stop.source, stop.kind) for stop in catalog.sources.stopped("notes")] == [
        ("landing", StopKind.SOURCE_REMOVED)
    ]


def test_what_comes_back_lifts_the_stop_and_loses_nothing(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    write(root, *(f"{number:03}.txt" for number in range(90)))
    complete(open_sweep())
    away = root.with_name("away")
    away.mkdir()
    for number in range(40):
        (root / f"{number:03}.txt").rename(away / f"{number:03}.txt")
    assert complete(open_sweep()).stops
    for number in range(38):
        (away / f"{number:03}.txt").rename(root / f"{number:03}.txt")
    tick = complete(open_sweep())
    assert (tick.recorded, tick.deleted, tick.stops) == (0, 2, ())
    assert "is lifted: the objects are back" in tick.described()
    assert len(known(catalog)) == 88


def test_a_url_that_moved_stops_red_and_records_anew_when_confirmed(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, "a.txt")
    complete(open_sweep())
    moved = root.with_name("moved")
    write(moved, "a.txt")
    with pytest.raises(SourceStopped, match="its url changed"):
        open_sweep(url=str(moved)).tick()
    catalog.sources.confirm(catalog.sources.stopped("notes")[0].id, by="test", limits=_LIMITS)
    assert complete(open_sweep(url=str(moved))).deleted == 1
    assert complete(open_sweep(url=str(moved))).recorded == 1
    assert not complete(open_sweep(url=str(moved))).stops


def test_a_folder_to_be_created_is_created_only_while_nothing_is_known_of_it(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    inbox = root / "new" / "inbox"
    with pytest.raises(RootMissing):
        open_sweep(url=str(inbox)).tick()
    complete(open_sweep(url=str(inbox), create=True))
    write(inbox, "a.txt")
    complete(open_sweep(url=str(inbox), create=True))
    shutil.rmtree(inbox)
    with pytest.raises(SourceStopped):
        open_sweep(url=str(inbox), create=True).tick()
    assert not inbox.exists()
