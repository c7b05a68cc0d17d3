"""Looking at what a person gave up: a root that is missing, or a url that has changed."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from rag_core.arrivals import Arrival, ArrivalState, Presence
from rag_core.collection import BucketSource, Collection
from rag_core.errors import DocumentUnavailable
from resources.clients.object_store import RootMissing, open_store
from resources.ingestion.reading import DocumentReader, Lineage


def _now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def _no_parser():
    raise AssertionError("a look parses nothing")


def _reader(root: Path, folder: Path) -> DocumentReader:
    source = BucketSource(name="landing", url=str(root))
    return DocumentReader(
        collection=Collection(name="notes", sources=(source,)),
        stores={"landing": open_store(source, root, environ={})},
        parser=_no_parser,
        passwords=(),
        folder=folder,
        lineage=Lineage(run_id="run", code_version="1", clock=_now),
    )


def _arrival(uri: str, presence: Presence) -> Arrival:
    return Arrival(
        collection="notes", number=0, partition=0, document_id=UUID(int=1), source="landing", key="a.txt", uri=uri,
        presence=presence, announced="", size_bytes=0, state=ArrivalState.PENDING, attempts=0, crashes=0,
        recorded_at=_now(),
    )  # fmt: skip


def test_a_confirmed_deletion_below_a_missing_root_is_gone_and_anything_else_waits(tmp_path: Path) -> None:
    root = tmp_path / "root"
    reader = _reader(root, tmp_path)
    assert reader.look(_arrival(f"file://{root}/a.txt", Presence.GONE)) is None
    with pytest.raises(RootMissing):
        reader.look(_arrival(f"file://{root}/a.txt", Presence.PRESENT))


def test_a_file_of_the_new_url_is_never_read_as_a_document_of_the_old_one(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").write_text("of the new root")
    reader = _reader(root, tmp_path)
    assert reader.look(_arrival("file:///old/a.txt", Presence.GONE)) is None
    with pytest.raises(DocumentUnavailable):
        reader.look(_arrival("file:///old/a.txt", Presence.PRESENT))
    assert reader.look(_arrival(f"file://{root}/a.txt", Presence.GONE)) is not None  # it came back: the store counts
