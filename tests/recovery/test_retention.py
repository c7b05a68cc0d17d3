"""History goes after its time, in files, rows and runs; what the present rests on stays, and an audit stays clean."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from rag_assets.run_retention import delete_old_runs
from recovery.auditing import audit_collection
from recovery.opened import Opened
from resources.clients.catalog.values import CLAIM_TAG
from resources.clients.collection_files import LoadedCollection
from resources.ingestion.folding import fold_block, remove_unnamed
from resources.ingestion.housekeeping import keep_house
from tests.pipeline.corpus import Corpus, Killed, assert_same_points, paragraphs


def aged(corpus: Corpus) -> None:
    with corpus.catalog._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE arrivals SET changed_at = changed_at - interval '100 days'")


def count(corpus: Corpus, table: str) -> int:
    with corpus.catalog._database.transaction() as connection:
        statement = f"SELECT count(*) FROM {table} WHERE collection = '{corpus.name}'"
        return connection.exec_driver_sql(statement).scalar_one()


@pytest.fixture
def churned(corpus: Corpus) -> Corpus:
    """A block of one document that stays, and one that had five versions."""
    corpus.write("stays.md", paragraphs("apple"))
    for fruit in ("fig", "date", "plum", "pear", "lime"):
        corpus.write("moves.md", paragraphs(fruit))
        corpus.ingest()
    return corpus


def test_replaced_versions_go_from_files_and_catalog(churned: Corpus, tools: Opened) -> None:
    before = churned.points()
    fold_block(churned.parts, churned.catalog.parts, churned.name, 0, is_full=True, name="folded-0")
    young = keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    assert (young.rows_forgotten, young.arrivals_forgotten, count(churned, "arrivals")) == (0, 0, 6)
    aged(churned)
    done = keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    assert (done.rows_forgotten, done.arrivals_forgotten, done.blocks_folded) == (12, 4, 1)
    assert count(churned, "arrivals") == 2
    remove_unnamed(churned.parts, churned.catalog.parts, grace_s=0)
    held = [table for file in churned.parts.list(churned.name) for table in churned.parts.read(file.file)]
    assert sum(len(table) for table in held) == 6
    again = keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    assert (again.rows_forgotten, again.arrivals_forgotten, again.blocks_folded) == (0, 0, 0)
    assert_same_points(churned.points(), before)
    loaded = LoadedCollection(collection=churned.collection, path=Path(churned.root / "one.yaml"))
    assert audit_collection(loaded, tools).is_clean
    churned.write("moves.md", paragraphs("lime", "kiwi"))
    [report] = churned.ingest()
    assert (report.counts.indexed, report.counts.embedded) == (1, 1)


def test_forgetting_that_is_killed_goes_on_the_next_time(
    churned: Corpus, tools: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold_block(churned.parts, churned.catalog.parts, churned.name, 0, is_full=True, name="folded-0")
    aged(churned)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("resources.ingestion.housekeeping.fold_block", killed)
        with pytest.raises(Killed):
            keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    loaded = LoadedCollection(collection=churned.collection, path=Path(churned.root / "one.yaml"))
    assert audit_collection(loaded, tools).is_clean


def test_a_document_whose_last_good_version_answers_keeps_it(churned: Corpus, tools: Opened) -> None:
    churned.write("moves.md", "")
    churned.ingest()
    aged(churned)
    keep_house(churned.name, churned.catalog, churned.parts, keep_days=90, share=0)
    assert "lime" in churned.texts("moves.md")[0]
    assert "lime" in churned.stored_text("moves.md")
    assert count(churned, "arrivals") == 3


def test_old_runs_go_where_a_newer_one_took_all_layers() -> None:
    with dg.instance_for_test() as instance:

        def ran(partition: str, status: dg.DagsterRunStatus, **tags: str) -> str:
            run = create_run_for_test(
                instance, job_name="ingest", status=status, tags={"dagster/partition": partition, **tags}
            )
            return run.run_id

        claimed = {CLAIM_TAG: "1"}
        old = [ran("000000", dg.DagsterRunStatus.SUCCESS, **claimed), ran("000000", dg.DagsterRunStatus.FAILURE)]
        last = ran("000000", dg.DagsterRunStatus.SUCCESS, **claimed)
        by_hand = ran("000000", dg.DagsterRunStatus.SUCCESS)
        going = ran("000000", dg.DagsterRunStatus.STARTED, **claimed)
        alone = ran("000001", dg.DagsterRunStatus.SUCCESS)
        assert delete_old_runs(instance, "ingest", ["000000", "000001"], keep_days=1) == 0
        assert delete_old_runs(instance, "ingest", ["000000", "000001"], keep_days=-1) == 2
        left = {run.run_id for run in instance.get_runs()}
        assert left == {last, by_hand, going, alone}
        assert not left.intersection(old)
