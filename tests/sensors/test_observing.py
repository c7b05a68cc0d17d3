"""From hints to observations: settled files, few deletions, everything else left to the sweep."""

from pathlib import Path

import pytest

from rag_core.arrivals import Presence
from rag_core.collection import BucketSource, Collection
from rag_core.objects import announced_version
from resources.clients.catalog import Catalog
from resources.clients.object_store import RootMissing, open_store
from sensors.observing import SETTLE_S, FolderObserver, Observed

_SIDECAR = [{"from": "sidecar", "suffix": ".meta.yaml"}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def observer(catalog: Catalog, root: Path) -> FolderObserver:
    source = BucketSource.model_validate({"name": "landing", "url": str(root), "metadata": _SIDECAR})
    return FolderObserver(
        collection=Collection(name="notes", sources=(source,)),
        source=source,
        root=root,
        store=open_store(source, root, environ={}),
        catalog=catalog,
    )


def _settle(observer: FolderObserver, now_s: float = 0.0) -> Observed:
    observer.record_settled(now_s)
    return observer.record_settled(now_s + 2 * SETTLE_S)


def _known(catalog: Catalog) -> dict[str, str]:
    rows = catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=1000)
    return {row.key: row.announced for row in rows if row.presence is Presence.PRESENT}


def test_a_file_is_recorded_when_two_looks_agree_and_not_while_it_grows(
    observer: FolderObserver, root: Path, catalog: Catalog
) -> None:
    (root / "a.txt").write_text("half")
    observer.hint(str(root / "a.txt"), 0.0)
    assert observer.record_settled(0.0) == Observed()
    (root / "a.txt").write_text("half and the rest")
    assert observer.record_settled(SETTLE_S) == Observed()
    assert observer.record_settled(2 * SETTLE_S) == Observed(new=1)
    info = observer._store.head("a.txt")
    assert info is not None
    assert _known(catalog) == {"a.txt": announced_version(info, None)}
    observer.hint(str(root / "a.txt"), 9.0)
    assert _settle(observer, 9.0) == Observed(same=1)


def test_a_sidecar_is_a_hint_about_its_object(observer: FolderObserver, root: Path, catalog: Catalog) -> None:
    (root / "a.pdf").write_text("x")
    observer.hint(str(root / "a.pdf"), 0.0)
    assert _settle(observer).new == 1
    (root / "a.pdf.meta.yaml").write_text("team: red")
    observer.hint(str(root / "a.pdf.meta.yaml"), 1.0)
    assert _settle(observer, 1.0).new == 1
    assert list(_known(catalog)) == ["a.pdf"]


def test_a_folder_that_is_moved_in_and_out_stands_for_its_files(
    observer: FolderObserver, root: Path, catalog: Catalog
) -> None:
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("x")
    (root / "sub" / "deep" / "b.txt").write_text("x")
    (root / "sub" / ".hidden").write_text("x")
    observer.hint(str(root / "sub"), 0.0)
    assert _settle(observer).new == 2
    (root / "sub").rename(root.parent / "gone")
    observer.hint(str(root / "sub"), 1.0)
    assert _settle(observer, 1.0) == Observed(new=2, gone=2)
    assert not _known(catalog)


def test_many_deletions_are_left_to_the_sweep(observer: FolderObserver, root: Path, catalog: Catalog) -> None:
    names = [f"{number:02}.txt" for number in range(30)]
    for name in names:
        (root / name).write_text("x")
        observer.hint(str(root / name), 0.0)
    assert _settle(observer).new == 30
    for now_s, batch in ((1.0, names[:10]), (2.0, names[10:])):
        for name in batch:
            (root / name).unlink()
            observer.hint(str(root / name), now_s)
        _settle(observer, now_s)
    assert len(_known(catalog)) == 30 - 19


def test_a_file_that_came_and_went_unrecorded_leaves_no_arrival(
    observer: FolderObserver, root: Path, catalog: Catalog
) -> None:
    observer.hint(str(root / "short.txt"), 0.0)
    assert _settle(observer) == Observed()
    assert observer.pending == 0


def test_a_vanished_root_concludes_nothing_and_keeps_the_hints(
    observer: FolderObserver, root: Path, catalog: Catalog
) -> None:
    (root / "a.txt").write_text("x")
    observer.hint(str(root / "a.txt"), 0.0)
    _settle(observer)
    observer.hint(str(root / "a.txt"), 1.0)
    root.rename(root.parent / "away")
    with pytest.raises(RootMissing):
        _settle(observer, 1.0)
    assert observer.pending == 1
    assert list(_known(catalog)) == ["a.txt"]


@pytest.mark.parametrize("name", [".hidden", "draft.txt~", "x.part", "../outside.txt", ""])
def test_what_the_source_does_not_select_is_ignored(observer: FolderObserver, root: Path, name: str) -> None:
    observer.hint(str(root / name), 0.0)
    assert observer.pending == 0
