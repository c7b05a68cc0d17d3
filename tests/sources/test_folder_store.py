"""Reading a folder's files: what was looked at is what is read, or an error says so."""

from pathlib import Path

import pytest

from rag_core.errors import DocumentRejected, InvalidRequest, QuarantineKind, SourceChanged
from resources.clients.object_store import RootMissing
from resources.clients.object_store.folder import FolderStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


def test_download_returns_the_bytes_that_were_looked_at(root: Path, tmp_path: Path) -> None:
    (root / "a b%é.txt").write_bytes(b"x" * 3_000_000)
    store = FolderStore(root)
    info = store.head("a b%é.txt")
    assert info is not None
    read = store.download(info.key, tmp_path / "copy", expected=info, max_bytes=3_000_000)
    assert read == info
    assert (tmp_path / "copy").read_bytes() == b"x" * 3_000_000
    assert store.uri(info.key) == f"file://{root}/a%20b%25%C3%A9.txt"


def test_download_of_a_file_written_since_it_was_looked_at_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "a.txt").write_text("one")
    store = FolderStore(root)
    info = store.head("a.txt")
    assert info is not None
    (root / "a.txt").write_text("two")  # same length: only the time differs
    with pytest.raises(SourceChanged):
        store.download("a.txt", tmp_path / "copy", expected=info, max_bytes=100)
    (root / "a.txt").unlink()
    with pytest.raises(SourceChanged):
        store.download("a.txt", tmp_path / "copy", expected=info, max_bytes=100)


def test_a_file_over_the_limit_is_rejected_before_it_is_copied(root: Path, tmp_path: Path) -> None:
    (root / "big.txt").write_bytes(b"x" * 101)
    store = FolderStore(root)
    info = store.head("big.txt")
    assert info is not None
    with pytest.raises(DocumentRejected) as refused:
        store.download("big.txt", tmp_path / "copy", expected=info, max_bytes=100)
    assert refused.value.kind is QuarantineKind.TOO_LARGE
    assert not (tmp_path / "copy").exists()


def test_gone_is_none_only_while_the_root_is_there(root: Path) -> None:
    store = FolderStore(root)
    assert store.head("never.txt") is None
    assert store.read_small("never.txt", 10) is None
    root.rmdir()
    with pytest.raises(RootMissing):
        store.head("never.txt")
    with pytest.raises(RootMissing):
        store.list_page("", 10)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a\0b", "\udcff"])
def test_keys_that_leave_the_root_are_refused(root: Path, key: str) -> None:
    with pytest.raises(InvalidRequest):
        FolderStore(root).head(key)


def test_put_replaces_in_one_step_and_leaves_no_temporary(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "new"
    source.write_text("v1")
    store = FolderStore(root)
    first = store.put("sub/doc.txt", source)
    source.write_text("v2")
    assert store.put("sub/doc.txt", source).etag != first.etag
    assert [each.name for each in (root / "sub").iterdir()] == ["doc.txt"]
    store.delete("sub/doc.txt")
    store.delete("sub/doc.txt")
    assert store.head("sub/doc.txt") is None


def test_a_name_longer_than_the_file_systems_is_not_there_and_no_fault(root: Path) -> None:
    store = FolderStore(root)
    assert store.head("x" * 256) is None
    assert store.read_small("deep/" + "é" * 130, 10) is None
    root.rename(root.with_name("away"))
    with pytest.raises(RootMissing):
        store.head("x" * 256)
