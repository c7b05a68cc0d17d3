"""Sweeps of real folders and buckets into a real catalog."""

import shutil
from pathlib import Path

import pytest

from rag_core.collection import BucketSource, Collection
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, StopKind
from resources.clients.object_store import RootMissing
from sensors.source_stops import SourceStopped
from sensors.sweep import SourceSweep
from sensors.sweep_tick import SweepTick, TickEnd
from tests.services.seaweed import SeaweedServer
from tests.sources.conftest import OpenSweep

_LIMITS = PartitionLimits(size=512, bytes=2**28)


def _write(root: Path, *keys: str) -> None:
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(key)


def _complete(sweep: SourceSweep) -> SweepTick:
    while (tick := sweep.tick()).end is not TickEnd.COMPLETE:
        assert tick.end is TickEnd.UNDER_WAY
    return tick


def _known(catalog: Catalog) -> list[str]:
    return [row.key for row in catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=10_000)]


def test_new_changed_and_deleted_files_are_recorded_and_unchanged_ones_are_not(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, "a b.txt", "a-b.txt", "a/b.txt", "é.txt", ".hidden", "draft.txt~", ".git/config")
    assert _complete(open_sweep()).recorded == 4
    assert _known(catalog) == ["a b.txt", "a-b.txt", "a/b.txt", "é.txt"]
    again = _complete(open_sweep())
    assert (again.recorded, again.deleted) == (0, 0)
    (root / "a-b.txt").write_text("changed")
    (root / "é.txt").unlink()
    _write(root, "new.txt")
    tick = _complete(open_sweep())
    assert (tick.recorded, tick.deleted) == (2, 1)
    assert _known(catalog) == ["a b.txt", "a-b.txt", "a/b.txt", "new.txt"]
    _write(root, "é.txt")  # deleted and added again: a new arrival
    assert _complete(open_sweep()).recorded == 1


def test_a_tick_is_bounded_and_the_next_one_resumes_with_another_process_memory(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, *(f"{folder}/{number:03}.txt" for folder in ("a", "a-b", "b") for number in range(30)))
    ticks = 0
    while open_sweep(keys_per_tick=20, page_keys=7).tick().end is not TickEnd.COMPLETE:
        ticks += 1
    assert ticks >= 4
    assert len(_known(catalog)) == 90
    assert catalog.recording.position("notes", "landing").value["last"]["looked_at"] == 90  # pyright: ignore


def test_a_file_that_is_removed_behind_the_sweep_is_found_missing_by_the_next(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, *(f"{number:02}.txt" for number in range(30)))
    _complete(open_sweep())
    first = open_sweep(keys_per_tick=10, page_keys=5)
    assert first.tick().end is TickEnd.UNDER_WAY
    (root / "00.txt").unlink()
    assert _complete(open_sweep()).deleted == 0
    assert _complete(open_sweep()).deleted == 1


def test_a_changed_sidecar_alone_is_found_wherever_it_sorts(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    metadata = [{"from": "sidecar", "suffix": ".meta.yaml"}]
    keys = ["r.pdf", "r.pdf-2", "r.pdf.bak", "r.pdf.meta.txt", "s.pdf"]
    _write(root, *keys, "r.pdf.meta.yaml", "s.pdf.meta.yaml", "orphan.meta.yaml")
    for page_keys in (1, 2, 3, 100):
        _complete(open_sweep(metadata=metadata, page_keys=page_keys))
        assert _known(catalog) == keys
        (root / "r.pdf.meta.yaml").write_text(f"team: red{page_keys:05}")
        assert _complete(open_sweep(metadata=metadata, page_keys=page_keys)).recorded == 1
        assert _complete(open_sweep(metadata=metadata, page_keys=100)).recorded == 0
    (root / "s.pdf.meta.yaml").unlink()
    assert _complete(open_sweep(metadata=metadata)).recorded == 1


def test_names_as_long_as_they_may_be_are_swept_whatever_the_sidecars_suffix(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    metadata = [{"from": "sidecar", "suffix": ".meta.yaml"}]
    long_name = "n" * 255
    long_key = "/".join(["k" * 199] * 5 + ["e" * 24])  # 1024 bytes: its sidecar's key would be over the limit
    _write(root, "a.txt", long_name, long_key)
    for page_keys in (1, 100):
        assert _complete(open_sweep(metadata=metadata, page_keys=page_keys)).looked_at == 3
        assert _known(catalog) == ["a.txt", long_key, long_name]


def test_a_missing_root_stops_red_and_lifts_when_it_is_back_with_nothing_deleted(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, "a.txt", "b.txt")
    _complete(open_sweep())
    root.rename(root.with_name("away"))
    with pytest.raises(SourceStopped, match="rag sources confirm notes landing"):
        open_sweep().tick()
    assert [stop.kind for stop in catalog.sources.stopped("notes")] == [StopKind.ROOT_MISSING]
    root.with_name("away").rename(root)
    assert _complete(open_sweep()).deleted == 0
    assert not catalog.sources.stopped("notes")
    assert _known(catalog) == ["a.txt", "b.txt"]


def test_a_missing_root_that_a_person_gives_up_is_deleted_and_only_this_time(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, *(f"{number}.txt" for number in range(30)))
    _complete(open_sweep())
    shutil.rmtree(root)
    with pytest.raises(SourceStopped):
        open_sweep().tick()
    catalog.sources.confirm(catalog.sources.stopped("notes")[0].id, by="test", limits=_LIMITS)
    assert _complete(open_sweep()).deleted == 30
    with pytest.raises(RootMissing):
        open_sweep().tick()
    root.mkdir()
    _write(root, "new.txt")
    _complete(open_sweep())
    shutil.rmtree(root)
    with pytest.raises(SourceStopped):
        open_sweep().tick()
    assert _known(catalog) == ["new.txt"]


def test_an_empty_mount_deletes_nothing_until_a_person_confirms(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, "a.txt", "b.txt")
    _complete(open_sweep())
    root.rename(root.with_name("away"))
    root.mkdir()
    tick = _complete(open_sweep())
    assert tick.deleted == 0
    assert [stop.reason for stop in tick.stops] == [
        "2 of 2 objects would be deleted: the last sweep did not find them."
    ]
    catalog.sources.confirm(tick.stops[0].id, by="test", limits=_LIMITS)
    assert _known(catalog) == []
    assert not _complete(open_sweep()).stops


def test_the_last_file_of_the_same_folder_may_be_deleted(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    _write(root, "only.txt")
    _complete(open_sweep())
    (root / "only.txt").unlink()
    assert _complete(open_sweep()).deleted == 1
    assert not catalog.sources.stopped("notes")


def test_many_gone_at_once_stop_red_while_new_files_are_recorded(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, *(f"{number:03}.txt" for number in range(90)))
    _complete(open_sweep())
    for number in range(20):
        (root / f"{number:03}.txt").unlink()
    _write(root, "new.txt")
    tick = _complete(open_sweep())
    assert (tick.recorded, tick.deleted, len(tick.stops)) == (1, 0, 1)
    catalog.sources.confirm(tick.stops[0].id, by="test", limits=_LIMITS)
    assert len(_known(catalog)) == 71


def test_a_glob_taken_out_of_the_declaration_stops_red(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    _write(root, "a.txt", "b.md")
    _complete(open_sweep())
    tick = _complete(open_sweep(include=["**/*.md"]))
    assert [stop.kind for stop in tick.stops] == [StopKind.GLOBS_CHANGED]
    assert _known(catalog) == ["a.txt", "b.md"]


def test_a_source_taken_out_of_the_declaration_stops_itself_and_no_other(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, "a.txt")
    _complete(open_sweep())
    assert _complete(open_sweep(name="other")).stops == ()
    assert [(stop.source, stop.kind) for stop in catalog.sources.stopped("notes")] == [
        ("landing", StopKind.SOURCE_REMOVED)
    ]


def test_what_comes_back_lifts_the_stop_and_loses_nothing(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    _write(root, *(f"{number:03}.txt" for number in range(90)))
    _complete(open_sweep())
    away = root.with_name("away")
    away.mkdir()
    for number in range(40):
        (root / f"{number:03}.txt").rename(away / f"{number:03}.txt")
    assert _complete(open_sweep()).stops
    for number in range(38):
        (away / f"{number:03}.txt").rename(root / f"{number:03}.txt")
    tick = _complete(open_sweep())
    assert (tick.recorded, tick.deleted, tick.stops) == (0, 2, ())
    assert "is lifted: the objects are back" in tick.described()
    assert len(_known(catalog)) == 88


def test_a_url_that_moved_stops_red_and_records_anew_when_confirmed(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    _write(root, "a.txt")
    _complete(open_sweep())
    moved = root.with_name("moved")
    _write(moved, "a.txt")
    with pytest.raises(SourceStopped, match="its url changed"):
        open_sweep(url=str(moved)).tick()
    catalog.sources.confirm(catalog.sources.stopped("notes")[0].id, by="test", limits=_LIMITS)
    assert _complete(open_sweep(url=str(moved))).deleted == 1
    assert _complete(open_sweep(url=str(moved))).recorded == 1
    assert not _complete(open_sweep(url=str(moved))).stops


def test_a_folder_to_be_created_is_created_only_while_nothing_is_known_of_it(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    inbox = root / "new" / "inbox"
    with pytest.raises(RootMissing):
        open_sweep(url=str(inbox)).tick()
    _complete(open_sweep(url=str(inbox), create=True))
    _write(inbox, "a.txt")
    _complete(open_sweep(url=str(inbox), create=True))
    shutil.rmtree(inbox)
    with pytest.raises(SourceStopped):
        open_sweep(url=str(inbox), create=True).tick()
    assert not inbox.exists()


def test_two_ticks_at_once_record_once(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    _write(root, *(f"{number:02}.txt" for number in range(20)))
    slow = open_sweep()
    store = slow._store
    pages = store.pages

    def overtaken(after_key: str, *, page_size: int):
        _complete(open_sweep())
        return pages(after_key, page_size=page_size)

    store.pages = overtaken  # pyright: ignore[reportAttributeAccessIssue] - another tick runs in between
    assert slow.tick().end is TickEnd.OVERTAKEN
    documents = [row.key for row in catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=50)]
    assert len(documents) == 20


def test_nothing_is_due_before_the_interval(catalog: Catalog, root: Path, open_sweep: OpenSweep) -> None:
    _write(root, "a.txt")
    swept = open_sweep()
    _complete(swept)
    version = catalog.recording.position("notes", "landing").version
    source = BucketSource(name="landing", url=str(root))
    patient = SourceSweep(
        collection=Collection(name="notes", sources=(source,)),
        source=source,
        base_dir=root,
        store=swept._store,
        catalog=catalog,
    )
    tick = patient.tick()
    assert tick.end is TickEnd.WAITING
    assert "the next sweep is due at" in tick.described()
    assert catalog.recording.position("notes", "landing").version == version


def test_a_store_killed_in_the_middle_of_a_sweep_loses_and_deletes_nothing(
    open_sweep: OpenSweep, seaweed: SeaweedServer, catalog: Catalog
) -> None:
    bucket = seaweed.create_bucket()
    s3 = seaweed.client()
    keys = [f"{folder}/{number:02}.txt" for folder in ("a", "b", "c") for number in range(8)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    asked = {"url": f"s3://{bucket}", "environ": seaweed.environment, "keys_per_tick": 10, "page_keys": 5}
    assert open_sweep(**asked).tick().end is TickEnd.UNDER_WAY
    seaweed.kill9()
    with pytest.raises(DependencyUnavailable) as away:
        open_sweep(**asked).tick()
    assert not isinstance(away.value, RootMissing)
    seaweed.start()
    _complete(open_sweep(**asked))
    assert _known(catalog) == keys
    s3.delete_object(Bucket=bucket, Key=keys[3])
    s3.put_object(Bucket=bucket, Key=keys[4], Body=b"changed")
    tick = _complete(open_sweep(**{**asked, "keys_per_tick": 1000}))
    assert (tick.recorded, tick.deleted) == (1, 1)
    assert not catalog.sources.stopped("notes")
