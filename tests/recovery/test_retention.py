"""History goes after its time, in files, rows and runs; what the present rests on stays, and an audit stays clean."""

from collections.abc import Mapping
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
from resources.ingestion.housekeeping import Housekept, keep_house
from tests.pipeline.corpus import Corpus, Killed, assert_same_points, paragraphs


def aged(corpus: Corpus, *, older_than: int | None = None) -> None:
    """Let everything of the past, or all arrivals below a number, be of 100 days ago; no block was looked at today."""
    with corpus.catalog._database.transaction() as connection:
        moved = ", ".join(f"{column} = {column} - interval '100 days'" for column in ("changed_at", "recorded_at"))
        which = "" if older_than is None else f" WHERE number < {older_than}"
        connection.exec_driver_sql(f"UPDATE arrivals SET {moved}{which}")
        connection.exec_driver_sql("UPDATE parts SET dead_at = dead_at - interval '100 days'")
    not_seen_today(corpus)


def not_seen_today(corpus: Corpus) -> None:
    with corpus.catalog._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE blocks SET kept_at = kept_at - interval '24 hours'")


def keep(corpus: Corpus, *, dead_days: float = 0) -> Housekept:
    return keep_house(corpus.name, corpus.catalog, corpus.parts, keep_days=90, dead_days=dead_days)


def rows_in_files(corpus: Corpus) -> int:
    """How many rows the files hold that are there once unnamed ones are gone, whether they count or not."""
    remove_unnamed(corpus.parts, corpus.catalog.parts, grace_s=0)
    held = [table for file in corpus.parts.list(corpus.name) for table in corpus.parts.read(file.file)]
    return sum(len(table) for table in held)


def is_clean(corpus: Corpus, tools: Opened) -> bool:
    loaded = LoadedCollection(collection=corpus.collection, path=Path(corpus.root / "one.yaml"))
    return audit_collection(loaded, tools).is_clean


def stored(corpus: Corpus, statement: str) -> list[tuple[int, ...]]:
    with corpus.catalog._database.transaction() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def count(corpus: Corpus, table: str) -> int:
    return stored(corpus, f"SELECT count(*) FROM {table} WHERE collection = '{corpus.name}'")[0][0]


@pytest.fixture
def churned(corpus: Corpus) -> Corpus:
    """A block of one document that stays, and one that had five versions."""
    corpus.write("stays.md", paragraphs("apple"))
    for fruit in ("fig", "date", "plum", "pear", "lime"):
        corpus.write("moves.md", paragraphs(fruit))
        corpus.ingest()
    return corpus


def test_text_of_replaced_versions_goes_from_the_files(churned: Corpus, tools: Opened) -> None:
    before = churned.points()
    fold_block(churned.parts, churned.catalog.parts, churned.name, 0, is_full=True, name="folded-0")
    assert keep(churned).rows_forgotten == 0
    aged(churned)
    done = keep(churned)
    assert (done.rows_forgotten, done.blocks_folded) == (12, 1)
    assert count(churned, "arrivals") == 6
    assert rows_in_files(churned) == 6
    assert count(churned, "contents") == 2
    not_seen_today(churned)
    again = keep(churned)
    assert (again.rows_forgotten, again.blocks_folded) == (0, 0)
    assert_same_points(churned.points(), before)
    assert is_clean(churned, tools)
    churned.write("moves.md", paragraphs("lime", "kiwi"))
    [report] = churned.ingest()
    assert (report.counts.indexed, report.counts.embedded) == (1, 1)


def test_one_dead_row_goes_with_its_time_however_many_live_ones_there_are(corpus: Corpus) -> None:
    for name in ("a.md", "b.md", "c.md", "gone.md"):
        corpus.write(name, paragraphs(name))
    corpus.ingest()
    (corpus.folder / "gone.md").unlink()
    corpus.ingest()
    aged(corpus)
    assert (keep(corpus, dead_days=7).rows_forgotten, rows_in_files(corpus)) == (3, 12)
    aged(corpus)
    assert (keep(corpus, dead_days=7).blocks_folded, rows_in_files(corpus)) == (1, 9)


def test_the_age_counts_from_the_moment_of_the_replacement(churned: Corpus) -> None:
    aged(churned, older_than=5)  # all but the version that serves, which was recorded today
    assert keep(churned).rows_forgotten == 9
    aged(churned)
    assert keep(churned).rows_forgotten == 3


def test_a_version_that_answered_until_today_was_replaced_today(churned: Corpus) -> None:
    churned.write("moves.md", "")
    churned.ingest()
    aged(churned)
    keep(churned)
    churned.write("moves.md", paragraphs("kiwi"))
    churned.ingest()
    not_seen_today(churned)
    assert keep(churned).rows_forgotten == 0
    aged(churned)
    assert keep(churned).rows_forgotten == 3


def test_a_fold_that_was_killed_is_done_the_next_time(
    churned: Corpus, tools: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold_block(churned.parts, churned.catalog.parts, churned.name, 0, is_full=True, name="folded-0")
    aged(churned)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("resources.ingestion.housekeeping.fold_block", killed)
        with pytest.raises(Killed):
            keep(churned)
    assert rows_in_files(churned) == 18
    not_seen_today(churned)
    assert (keep(churned).blocks_folded, rows_in_files(churned)) == (1, 6)
    assert is_clean(churned, tools)


def test_every_block_has_its_turn_whatever_the_hour(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.ingestion.housekeeping.MOST_BLOCKS", 2)
    corpus.changed = {"partition_size": 1}
    for number in range(3):
        corpus.write(f"{number}.md", paragraphs(f"fruit{number}"))
    corpus.ingest()
    retention, turns = corpus.catalog.retention, list[list[int]]()
    for _ in range(3):
        unseen = retention.unseen_longest(corpus.name, seen_before_s=3600, limit=10)
        keep(corpus)
        left = retention.unseen_longest(corpus.name, seen_before_s=3600, limit=10)
        turns.append(sorted(set(unseen) - set(left)))
    assert turns == [[0, 1], [2], []]
    not_seen_today(corpus)
    assert retention.unseen_longest(corpus.name, seen_before_s=3600, limit=2) == [0, 1]


def test_who_made_a_vector_that_serves_is_known_for_ever(corpus: Corpus) -> None:
    corpus.write("moves.md", paragraphs("fig"))
    corpus.ingest(run_id="first")
    for number, fruit in enumerate(("date", "plum", "pear")):
        corpus.write("moves.md", paragraphs("fig", fruit))
        corpus.ingest(run_id=f"later-{number}")
    aged(corpus)
    keep(corpus)
    not_seen_today(corpus)
    done = keep(corpus)
    assert done.runs_in_use == {"first", "later-2"}
    assert keep(corpus).runs_in_use is None
    numbers = {row[0] for row in stored(corpus, "SELECT number FROM arrivals")}
    [active, _] = corpus.writer.spec_of(corpus.name) or ("", None)
    records, _ = corpus.client.scroll(active, limit=10)
    made = {(record.payload or {})["made_by_arrival"] for record in records}
    assert made == {0, 3}
    assert made <= numbers


def test_text_that_came_too_late_goes_with_its_time(churned: Corpus) -> None:
    with churned.catalog._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE arrivals SET state = 'superseded' WHERE number = 5")
        connection.exec_driver_sql(
            "UPDATE document_indexes SET indexed_arrival = 4, confirmed_arrival = 4 WHERE indexed_arrival = 5"
        )
    aged(churned)
    keep(churned)
    assert stored(churned, "SELECT DISTINCT number FROM part_rows ORDER BY number") == [(1,), (4,)]


def test_a_document_whose_last_good_version_answers_keeps_it(churned: Corpus) -> None:
    churned.write("moves.md", "")
    churned.ingest()
    aged(churned)
    keep(churned)
    assert "lime" in churned.texts("moves.md")[0]
    assert "lime" in churned.stored_text("moves.md")


def test_old_runs_go_where_a_newer_one_took_all_layers() -> None:
    with dg.instance_for_test() as instance:

        def ran(
            partition: str | None,
            status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS,
            *,
            tags: Mapping[str, str] = {},
        ) -> str:
            where = {} if partition is None else {"dagster/partition": partition}
            return create_run_for_test(instance, job_name="ingest", status=status, tags={**where, **tags}).run_id

        def deleted(keep_days: float, *, most: int = 100) -> int:
            return delete_old_runs(
                instance, "ingest", keep_days=keep_days, retired={"000002"}, in_use={made}, most=most
            )

        claimed = {CLAIM_TAG: "1"}
        made = ran("000000", tags=claimed)
        old = [ran("000000", tags=claimed), ran("000000", dg.DagsterRunStatus.FAILURE), ran(None), ran("000002")]
        last = ran("000000", tags=claimed)
        by_hand = ran("000000")
        going = ran("000000", dg.DagsterRunStatus.STARTED, tags=claimed)
        alone = ran("000001")
        assert (deleted(1), deleted(-1, most=3), deleted(-1), deleted(-1)) == (0, 3, 1, 0)
        left = {run.run_id for run in instance.get_runs()}
        assert left == {made, last, by_hand, going, alone}
        assert not left.intersection(old)
