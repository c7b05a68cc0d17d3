"""Listing in bytewise order of whole keys, from any key onwards."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.clients.object_store.folder import FolderStore
from resources.clients.object_store.sorted_walk import Entry, Level, sorted_walk

_segments = st.text(
    alphabet=["a", "b", "-", " ", ".", "0", "é", "~", "\U0001f600", "\uffee", "\x01"], min_size=1, max_size=3
)
_keys = st.lists(_segments, min_size=1, max_size=4).map("/".join)


def _tree(keys: set[str]) -> set[str]:
    """Leave out keys that would have to be a file and a folder at once."""
    folders = {"/".join(key.split("/")[:depth]) for key in keys for depth in range(1, key.count("/") + 1)}
    return keys - folders


def _lister(keys: set[str]):
    def list_folder(prefix: str) -> Level:
        below = {key[len(prefix) :].partition("/") for key in keys if key.startswith(prefix)}
        return Level(entries=[Entry(key=prefix + name + slash) for name, slash in {(n, s) for n, s, _ in below}])

    return list_folder


@given(keys=st.sets(_keys, max_size=40).map(_tree), after=st.one_of(st.just(""), _keys))
def test_walk_equals_sorting_all_keys_from_any_key_onwards(keys: set[str], after: str) -> None:
    walked = [entry.key for entry in sorted_walk(_lister(keys), after) if isinstance(entry, Entry)]
    assert walked == sorted((key for key in keys if key > after), key=str.encode)


@given(keys=st.sets(_keys, max_size=40))
def test_a_store_may_hold_an_object_and_a_folder_of_the_same_name(keys: set[str]) -> None:
    walked = [entry.key for entry in sorted_walk(_lister(keys), "") if isinstance(entry, Entry)]
    assert walked == sorted(keys)


def _write(root: Path, *keys: str) -> None:
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(key)


def _keys_of(store: FolderStore, *, after: str = "", page_size: int = 2) -> list[str]:
    return [info.key for page in store.pages(after, page_size=page_size) for info in page.objects]


def test_folder_pages_are_bytewise_and_resume_anywhere(tmp_path: Path) -> None:
    keys = ["a b.txt", "a-b", "a.txt", "a/b", "a/b-c", "a/b.d/e", "a/é", "b", "z", "é/x"]
    _write(tmp_path, *reversed(keys))
    store = FolderStore(tmp_path)
    assert _keys_of(store) == sorted(keys, key=str.encode)
    for cut in range(len(keys)):
        assert _keys_of(store, after=keys[cut]) == keys[cut + 1 :]
    assert _keys_of(store, after="a/b-") == keys[keys.index("a/b-c") :]


def test_links_out_of_the_root_pipes_and_looping_links_are_no_objects(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    _write(root, "real.txt", "folder/inner.txt")
    _write(outside, "secret.txt")
    (root / "leak.txt").symlink_to(outside / "secret.txt")
    (root / "leak-folder").symlink_to(outside)
    (root / "folder" / "loop").symlink_to(root)
    (root / "inside.txt").symlink_to(root / "folder" / "inner.txt")
    os.mkfifo(root / "pipe")
    store = FolderStore(root)
    assert _keys_of(store) == ["folder/inner.txt", "inside.txt", "real.txt"]
    assert store.head("leak.txt") is None
    assert store.head("leak-folder/secret.txt") is None
    assert store.head("pipe") is None
    assert store.head("inside.txt") is not None


def test_a_name_that_is_not_utf8_is_reported_and_the_rest_is_listed(tmp_path: Path) -> None:
    _write(tmp_path, "good.txt")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad-\xff.txt"))).write_text("x")
    page = FolderStore(tmp_path).list_page("", 10)
    assert [info.key for info in page.objects] == ["good.txt"]
    assert [(each.name, each.reason) for each in page.unreadable] == [("bad-\\xff.txt", "its name is not valid UTF-8")]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "a/closed/x", "a/open", "b")
    scandir = os.scandir

    def denied(path: str | Path):
        if str(path).rstrip("/").endswith("closed"):  # root may read everything, so the refusal is played
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    page = FolderStore(tmp_path).list_page("", 10)
    assert [info.key for info in page.objects] == ["a/open", "b"]
    assert [each.prefix for each in page.unreadable] == ["a/closed/"]
