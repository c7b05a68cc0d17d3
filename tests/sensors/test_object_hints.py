"""What a message about an object is taken for: which source it concerns, and what is believed when nobody can look."""

from pathlib import Path

import pytest

from rag_core.arrivals import Presence
from rag_core.collection import BucketSource, Collection
from rag_core.messages.message import MessageRejected, ObjectHint
from resources.clients.object_store import open_store
from sensors.object_hints import ObjectHints


def _hints(root: Path, *declared: dict[str, object]) -> ObjectHints:
    root.mkdir()
    sources = tuple(BucketSource.model_validate({"url": str(root), **each}) for each in declared)
    stores = {source.name: open_store(source, root, environ={}) for source in sources}
    return ObjectHints(Collection(name="notes", sources=sources), stores)


def _hint(root: Path, key: str, presence: Presence) -> ObjectHint:
    uri = (root / key).as_uri()
    return ObjectHint(uri=uri, presence=presence, version=None, size_bytes=7, media_type=None, metadata={})


def test_a_sidecar_that_went_unseen_takes_no_document_with_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    hints = _hints(root, {"name": "landing", "metadata": [{"from": "sidecar", "suffix": ".meta.yaml"}]})
    gone = {key: _hint(root, key, Presence.GONE) for key in ("a.txt", "a.txt.meta.yaml")}
    places = {key: hints.place_of(hint) for key, hint in gone.items()}
    unseen = {key: hints.unseen(place, gone[key]) for key, place in places.items() if place is not None}
    assert {key: (each.key, each.presence) for key, each in unseen.items()} == {
        "a.txt": ("a.txt", Presence.GONE),
        "a.txt.meta.yaml": ("a.txt", Presence.PRESENT),
    }


def test_what_one_source_leaves_out_another_of_the_same_folder_takes(tmp_path: Path) -> None:
    root = tmp_path / "root"
    hints = _hints(root, {"name": "pdfs", "include": ["**/*.pdf"]}, {"name": "pages", "include": ["**/*.html"]})
    taken = {key: hints.place_of(_hint(root, key, Presence.PRESENT)) for key in ("x.pdf", "x.html", "x.txt")}
    assert {key: place and place.source.name for key, place in taken.items()} == {
        "x.pdf": "pdfs",
        "x.html": "pages",
        "x.txt": None,
    }
    with pytest.raises(MessageRejected):
        hints.place_of(_hint(tmp_path / "elsewhere", "x.pdf", Presence.PRESENT))
