"""Looking at what a person gave up: a root that is missing, or a url that has changed."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest

from rag_core.arrivals import Arrival, ArrivalState, Presence
from rag_core.collection import BucketSource, Collection
from rag_core.errors import SourceAway
from resources.clients.object_store import open_store
from resources.ingestion.looking import SourceLooker


def _now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def _looker(root: Path, **declared: object) -> SourceLooker:
    source = BucketSource.model_validate({"name": "landing", "url": str(root), **declared})
    stores = {"landing": open_store(source, root, environ={})}
    return SourceLooker(Collection(name="notes", sources=(source,)), stores)


def _arrival(uri: str, presence: Presence, key: str = "a.txt") -> Arrival:
    return Arrival(
        collection="notes", number=0, partition=0, document_id=UUID(int=1), source="landing", key=key, uri=uri,
        presence=presence, announced="", size_bytes=0, state=ArrivalState.PENDING, attempts=0, crashes=0,
        recorded_at=_now(),
    )  # fmt: skip


def test_a_confirmed_deletion_below_a_missing_root_is_gone_and_anything_else_waits(tmp_path: Path) -> None:
    root = tmp_path / "root"
    looker = _looker(root)
    assert looker.look(_arrival(f"file://{root}/a.txt", Presence.GONE)) is None
    with pytest.raises(SourceAway):
        looker.look(_arrival(f"file://{root}/a.txt", Presence.PRESENT))


def test_a_file_of_the_new_url_is_never_read_as_a_document_of_the_old_one(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").write_text("of the new root")
    looker = _looker(root)
    assert looker.look(_arrival("file:///old/a.txt", Presence.GONE)) is None
    with pytest.raises(SourceAway):
        looker.look(_arrival("file:///old/a.txt", Presence.PRESENT))
    assert looker.look(_arrival(f"file://{root}/a.txt", Presence.GONE)) is not None  # it came back: the store counts


@pytest.mark.parametrize("length", [255, 250])
def test_a_name_that_leaves_no_room_for_a_sidecars_is_looked_at_without_one(tmp_path: Path, length: int) -> None:
    key = "deep/" + "é" * 100 + "x" * (length - 200)
    (tmp_path / "deep").mkdir()
    (tmp_path / key).write_text("a name as long as names may be")
    looker = _looker(tmp_path, metadata=[{"from": "sidecar", "suffix": ".meta.yaml"}])
    look = looker.look(_arrival(f"file://{tmp_path}/{quote(key)}", Presence.PRESENT, key))
    assert look is not None
    assert (look.sidecar_etag, look.sidecar_text) == ("", None)
