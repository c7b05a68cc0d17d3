"""Sweeps of real folders and buckets into a real catalog."""

from pathlib import Path

import pytest

from rag_core.collection import BucketSource, Collection
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from resources.clients.object_store import RootMissing
from sensors.sweep import SourceSweep
from sensors.sweep_tick import TickEnd
from tests.services.seaweed import SeaweedServer
from tests.sources.conftest import OpenSweep
from tests.sources.sweeping import complete, known, write


def test_new_changed_and_deleted_files_are_recorded_and_unchanged_ones_are_not(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, "a b.txt", "a-b.txt", "a/b.txt", "é.txt", ".hidden", "draft.txt~", ".git/config")
    assert complete(open_sweep()).recorded == 4
    assert known(catalog) == ["a b.txt", "a-b.txt", "a/b.txt", "é.txt"]
    again = complete(open_sweep())
    assert (again.recorded, again.deleted) == (0, 0)
    (root / "a-b.txt").write_text("changed")
    (root / "é.txt").unlink()
    write(root, "new.txt")
    tick = complete(open_sweep())
    assert (tick.recorded, tick.deleted) == (2, 1)
    assert known(catalog) == ["a b.txt", "a-b.txt", "a/b.txt", "new.txt"]
    write(root, "é.txt")  # deleted and added again: a new arrival
    assert complete(open_sweep()).recorded == 1


def test_a_tick_is_bounded_and_the_next_one_resumes_with_another_process_memory(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, *(f"{folder}/{number:03}.txt" for folder in ("a", "a-b", "b") for number in range(30)))
    ticks = 0
    while open_sweep(keys_per_tick=20, page_keys=7).tick().end is not TickEnd.COMPLETE:
        ticks += 1
    assert ticks >= 4
    assert len(known(catalog)) == 90
    assert catalog.recording.position("notes", "landing").value["last"]["looked_at"] == 90  # pyright: ignore


def test_a_file_that_is_removed_behind_the_sweep_is_found_missing_by_the_next(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    write(root, *(f"{number:02}.txt" for number in range(30)))
    complete(open_sweep())
    first = open_sweep(keys_per_tick=10, page_keys=5)
    assert first.tick().end is TickEnd.UNDER_WAY
    (root / "00.txt").unlink()
    assert complete(open_sweep()).deleted == 0
    assert complete(open_sweep()).deleted == 1


def test_a_changed_sidecar_alone_is_found_wherever_it_sorts(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    metadata = [{"from": "sidecar", "suffix": ".meta.yaml"}]
    keys = ["r.pdf", "r.pdf-2", "r.pdf.bak", "r.pdf.meta.txt", "s.pdf"]
    write(root, *keys, "r.pdf.meta.yaml", "s.pdf.meta.yaml", "orphan.meta.yaml")
    for page_keys in (1, 2, 3, 100):
        complete(open_sweep(metadata=metadata, page_keys=page_keys))
        assert known(catalog) == keys
        (root / "r.pdf.meta.yaml").write_text(f"team: red{page_keys:05}")
        assert complete(open_sweep(metadata=metadata, page_keys=page_keys)).recorded == 1
        assert complete(open_sweep(metadata=metadata, page_keys=100)).recorded == 0
    (root / "s.pdf.meta.yaml").unlink()
    assert complete(open_sweep(metadata=metadata)).recorded == 1


def test_names_as_long_as_they_may_be_are_swept_whatever_the_sidecars_suffix(
    open_sweep: OpenSweep, root: Path, catalog: Catalog
) -> None:
    metadata = [{"from": "sidecar", "suffix": ".meta.yaml"}]
    long_name = "n" * 255
    long_key = "/".join(["k" * 199] * 5 + ["e" * 24])  # 1024 bytes: its sidecar's key would be over the limit
    write(root, "a.txt", long_name, long_key)
    for page_keys in (1, 100):
        assert complete(open_sweep(metadata=metadata, page_keys=page_keys)).looked_at == 3
        assert known(catalog) == ["a.txt", long_key, long_name]


def test_two_ticks_at_once_record_once(open_sweep: OpenSweep, root: Path, catalog: Catalog) -> None:
    write(root, *(f"{number:02}.txt" for number in range(20)))
    slow = open_sweep()
    store = slow._store
    pages = store.pages

    def overtaken(after_key: str, *, page_size: int):
        complete(open_sweep())
        return pages(after_key, page_size=page_size)

    store.pages = overtaken  # pyright: ignore[reportAttributeAccessIssue] - another tick runs in between
    assert slow.tick().end is TickEnd.OVERTAKEN
    documents = [row.key for row in catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=50)]
    assert len(documents) == 20


def test_nothing_is_due_before_the_interval(catalog: Catalog, root: Path, open_sweep: OpenSweep) -> None:
    write(root, "a.txt")
    swept = open_sweep()
    complete(swept)
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
    complete(open_sweep(**asked))
    assert known(catalog) == keys
    s3.delete_object(Bucket=bucket, Key=keys[3])
    s3.put_object(Bucket=bucket, Key=keys[4], Body=b"changed")
    tick = complete(open_sweep(**{**asked, "keys_per_tick": 1000}))
    assert (tick.recorded, tick.deleted) == (1, 1)
    assert not catalog.sources.stopped("notes")
