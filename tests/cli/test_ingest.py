"""Ingesting by hand; a thread of the test does what sensors and runs do: observe the folder, settle the arrivals."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from local_stack.ingesting import given_files
from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource
from rag_core.errors import DocumentRejected, InvalidRequest, QuarantineKind
from rag_core.metadata_rules import SidecarMetadata
from rag_core.objects import announced_version
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import Claim, Outcome, PartitionLimits, WriteRequest
from resources.clients.object_store.folder import FolderStore
from tests.command_line import Rag
from tests.query_api.conftest import COLLECTION
from tests.services.postgres import PostgresServer

Pipeline: TypeAlias = Callable[[], None]
LIMITS = PartitionLimits(size=512, bytes=2**28)
INDEX = f"{COLLECTION}--0123"


@pytest.fixture
def catalog(postgres: PostgresServer, rag: Rag, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    del rag  # sets the shared database first
    url = postgres.create_database()
    monkeypatch.setenv("RAG_DATABASE_URL", url)
    with open_catalog(url) as opened:
        yield opened
    postgres.drop_database(url)


@pytest.fixture
def pipeline(catalog: Catalog, inbox: Path) -> Iterator[None]:
    """Observe the inbox and settle what arrives, over and over, until the test ends."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        texts: dict[str, str] = {}
        try:
            while not stop.wait(0.05):
                if inbox.is_dir():
                    _observe_and_settle(catalog, inbox, texts)
        except BaseException as error:  # noqa: BLE001 - shown by the test's thread
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(timeout=30)
    assert not failed


def _observe_and_settle(catalog: Catalog, inbox: Path, texts: dict[str, str]) -> None:
    store = FolderStore(inbox)
    seen = [
        Observation(
            key=info.key,
            uri=store.uri(info.key),
            presence=Presence.PRESENT,
            announced=announced_version(info, None),
            size_bytes=info.size_bytes,
        )
        for info in store.list_page("", 100).objects
        if not info.key.rsplit("/", 1)[-1].startswith(".")
    ]
    if not seen or not catalog.recording.record(COLLECTION, "inbox", seen, limits=LIMITS).new:
        return
    claim = catalog.claims.take(COLLECTION, 0, run_id="run-1", lease_s=60)
    assert isinstance(claim, Claim)
    for due in catalog.due.arrivals(claim, limit=100):
        arrival = due.arrival
        catalog.due.begin(claim, [arrival.number])
        text = (inbox / arrival.key).read_text()
        request = WriteRequest(arrival=arrival.number, document_id=arrival.document_id)
        if text == "broken":
            rejected = DocumentRejected(QuarantineKind.UNREADABLE, "Not readable.", remedy="Send another.")
            with catalog.writing.documents(claim, INDEX, [request]) as writing:
                writing.quarantined(arrival.document_id, rejected, tried_spec="s", removed=False)
            continue
        outcome = Outcome(version="v", parser="text/1", chunking="c", metadata_rules="m", chunks=2)
        with catalog.writing.documents(claim, INDEX, [request]) as writing:
            settle = writing.unchanged if texts.get(arrival.key) == text else writing.indexed
            settle(arrival.document_id, outcome)
        texts[arrival.key] = text
    catalog.claims.release(claim)


@pytest.mark.usefixtures("pipeline")
def test_a_file_is_followed_to_its_end_and_the_same_again_is_unchanged(rag: Rag, tmp_path: Path, inbox: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("hello")
    first = rag("ingest", str(note), "--json", "--timeout", "60")
    assert first.code == 0, first.err
    assert [(each["key"], each["state"]) for each in first.json["documents"]] == [("note.md", "indexed")]
    assert (inbox / "note.md").read_text() == "hello"
    again = rag("ingest", str(note), "--collection", COLLECTION, "--timeout", "60")
    assert again.code == 0
    assert "unchanged" in again.out


@pytest.mark.usefixtures("pipeline")
def test_a_folder_keeps_its_name_and_one_failed_document_is_exit_code_1(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "team"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "good.md").write_text("good")
    (folder / "bad.md").write_text("broken")
    (folder / "skipped.bin").write_text("not taken by the globs")
    ran = rag("ingest", str(folder), "--timeout", "60", "--json")
    assert ran.code == 1
    assert {each["key"]: each["state"] for each in ran.json["documents"]} == {
        "team/bad.md": "quarantined",
        "team/deep/good.md": "indexed",
    }
    assert ran.json["documents"][0]["reason"]["kind"] == "unreadable"


@pytest.mark.usefixtures("catalog")
def test_what_is_not_done_in_time_is_named_and_exit_code_1(rag: Rag, tmp_path: Path, inbox: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("hello")
    ran = rag("ingest", str(note), "--timeout", "0")
    assert (ran.code, "not done yet: note.md" in ran.out) == (1, True)
    assert rag("ingest", str(note), "--no-wait").code == 0
    assert (inbox / "note.md").exists()
    assert [path.name for path in inbox.iterdir()] == ["note.md"]


@pytest.mark.usefixtures("catalog", "inbox")
def test_what_cannot_be_ingested_is_exit_code_2_before_anything_is_copied(
    rag: Rag, tmp_path: Path, inbox: Path
) -> None:
    (tmp_path / "a.md").write_text("a")
    (tmp_path / "b.bin").write_text("b")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.md").write_text("another")
    for words, said in (
        (("missing.md",), "There is no file or folder"),
        ((str(tmp_path / "b.bin"),), "does not take"),
        ((str(tmp_path / "a.md"), str(tmp_path / "other" / "a.md")), "would both be stored"),
        ((str(tmp_path / "a.md"), "--source", "elsewhere"), "has no source"),
    ):
        ran = rag("ingest", *words)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not inbox.exists()


def test_hidden_files_and_links_in_folders_stay_and_sidecars_go_first(tmp_path: Path) -> None:
    source = BucketSource(
        name="inbox", url="x", include=("**/*.md",), metadata=(SidecarMetadata.model_validate({"from": "sidecar"}),)
    )
    folder = tmp_path / "f"
    (folder / ".git").mkdir(parents=True)
    for name in ("a.md", "a.md.meta.yaml", ".hidden.md", ".git/x.md"):
        (folder / name).write_text("x")
    (folder / "link.md").symlink_to(folder / "a.md")
    assert [each.key for each in given_files([folder], source).files] == ["f/a.md.meta.yaml", "f/a.md"]
    assert given_files([folder / ".git"], BucketSource(name="inbox", url="x", include=("*.pdf",))).files == []


def test_what_a_folder_holds_and_is_not_ingested_is_named_with_its_reason(tmp_path: Path) -> None:
    source = BucketSource(name="inbox", url="x", include=("**/*.md",))
    folder = tmp_path / "f"
    (folder / ".git").mkdir(parents=True)
    for name in ("a.md", ".hidden.md", ".git/x.md", "b.bin", "\udcff.md"):
        (folder / name).write_text("x")
    (folder / "link.md").symlink_to(folder / "a.md")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.md")
    given = given_files([folder], source)
    assert [each.key for each in given.files] == ["f/a.md"]
    assert {each.path.name: each.reason for each in given.skipped} == {
        ".git": "hidden",
        ".hidden.md": "hidden",
        "b.bin": "the source's globs leave it out",
        "link.md": "link",
        "linked": "link",
        "pipe.md": "pipe",
        "\udcff.md": "name is not UTF-8",
    }
    assert given.number_skipped == len(given.skipped)
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        given_files([folder / "\udcff.md"], source)


@pytest.mark.usefixtures("catalog", "inbox")
def test_ingest_says_last_what_it_skipped(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / ".hidden.md").write_text("x")
    nothing = rag("ingest", str(folder))
    assert (nothing.code, "Skipped 1:" in nothing.err) == (2, True)
    (folder / "a.md").write_text("x")
    (folder / "\udcff.md").write_text("x")
    last = rag("ingest", str(folder), "--no-wait").out.splitlines()[-1]
    assert last == f"Skipped 2: {folder}/.hidden.md (hidden), {folder}/\\udcff.md (name is not UTF-8)."
    ran = rag("ingest", str(folder), "--no-wait", "--json").json
    assert ([each["reason"] for each in ran["skipped"]], ran["skipped_total"]) == (["hidden", "name is not UTF-8"], 2)
