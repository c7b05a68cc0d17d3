"""A Parquet file that is lost is seen whatever it held, and no repair leaves a platform that cannot be backed up."""

from pathlib import Path

import pytest

from rag_core.errors import DependencyUnavailable, InvalidRequest
from rag_core.index_spec import Payload
from recovery.auditing import audit_collection
from recovery.auditing_all import Audited, audit_and_repair
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from resources.ingestion.checking.findings import Kind
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus, assert_same_points, paragraphs
from tests.recovery.losing import loaded


def lose(corpus: Corpus, number: int, *assets: str) -> None:
    """Delete the files that hold an arrival's rows."""
    for asset in assets:
        corpus.parts.delete(corpus.catalog.parts.files(corpus.name, 0, asset)[number])


def repaired(corpus: Corpus, tools: Opened, *, vectors: bool = True) -> Audited:
    """Repair, with a run in every wait."""

    def run(_: str) -> None:
        corpus.run()

    return audit_and_repair(loaded(corpus), tools, wait_s=0, vectors=vectors, say=run)


def test_files_of_replaced_and_deleted_versions_are_missed_and_forgotten(
    corpus: Corpus, served: Opened, folder: BackupFolder
) -> None:
    corpus.write("moves.md", paragraphs("fig"))
    corpus.write("goes.md", paragraphs("date"))
    corpus.ingest()
    corpus.write("moves.md", paragraphs("melon"))
    (corpus.folder / "goes.md").unlink()
    corpus.ingest()
    lose(corpus, 0, "documents", "chunks", "embeddings")
    seen = audit_collection(loaded(corpus), served)
    assert {one.kind: one.places for one in seen.differences} == {Kind.FILE_MISSING: 3}
    with pytest.raises(DependencyUnavailable, match="is gone, which the catalog names"):
        back_up(served, folder)
    done = repaired(corpus, served)
    assert done.is_clean
    assert done.repaired is not None
    assert (done.repaired.rows_forgotten, done.repaired.due_again) == (6, 0)
    assert len(back_up(served, folder).manifest.parts) == 3


@pytest.mark.parametrize("asset", ["documents", "chunks", "embeddings"])
def test_a_lost_file_that_held_both_is_made_again_as_far_as_it_serves(
    filled: Corpus, served: Opened, folder: BackupFolder, asset: str
) -> None:
    before = filled.points()
    lose(filled, 0, asset)
    done = repaired(filled, served, vectors=False)
    assert done.is_clean, done
    assert audit_collection(loaded(filled), served).is_clean
    assert_same_points(filled.points(), before)
    held = {part.file for part in back_up(served, folder).manifest.parts}
    assert all((Path(served.settings.parquet) / file).exists() for file in held)


def test_a_part_store_that_is_not_mounted_costs_no_history(filled: Corpus, served: Opened) -> None:
    before = rows(served.settings.require("database_url"), "SELECT count(*) FROM part_rows")
    live = Path(served.settings.parquet)
    live.rename(live.with_name("unmounted"))
    live.mkdir()
    with pytest.raises(InvalidRequest, match="holds no Parquet file") as refused:
        repaired(filled, served)
    assert "--parquet-is-lost" in refused.value.remedy
    assert rows(served.settings.require("database_url"), "SELECT count(*) FROM part_rows") == before
    live.rmdir()
    live.with_name("unmounted").rename(live)
    assert repaired(filled, served).is_clean


def test_a_repair_ends_clean_while_documents_go_on_coming(filled: Corpus, tools: Opened) -> None:
    point = sorted(filled.points())[0]
    filled.client.set_payload(filled.name, {Payload.TEXT: "Forged."}, [point], wait=True)
    came = 0

    def run_and_receive(_: str) -> None:
        nonlocal came
        filled.run()
        came += 1
        filled.write(f"new{came}.md", paragraphs("kiwi"))
        filled.sweep()
        filled.write(f"later{came}.md", paragraphs("lychee"))  # no sweep has had time to see it

    done = audit_and_repair(loaded(filled), tools, wait_s=0, say=run_and_receive)
    assert came == 1
    assert (done.unfinished, done.audit.due, done.is_clean) == (0, 1, True)


def test_a_repair_that_nobody_worked_on_is_not_clean(filled: Corpus, tools: Opened) -> None:
    point = sorted(filled.points())[0]
    filled.client.set_payload(filled.name, {Payload.TEXT: "Forged."}, [point], wait=True)
    done = audit_and_repair(loaded(filled), tools, wait_s=0)
    assert (done.unfinished, done.is_clean) == (1, False)
    again = audit_and_repair(loaded(filled), tools, wait_s=0)
    assert (again.unfinished, again.is_clean) == (1, False)
