"""One document's, one source's or one index's misfortune is not the others'."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag_core.arrivals import ArrivalState, Observation, Presence
from rag_core.errors import DependencyUnavailable, SourceAway
from rag_core.vector_index import IndexWrite
from resources.clients.catalog.values import Claim, PartitionLimits
from resources.ingestion import assembling, batching
from resources.ingestion.reading_ahead import BatchReader
from tests.pipeline.corpus import Corpus, WatchedWriter, assert_same_points, paragraphs
from tests.pipeline.word_embedder import WordEmbedder

TWO_SOURCES = {
    "sources": [
        {"name": "folder", "url": "documents"},
        {"name": "second", "url": "second"},
    ]
}


def record(corpus: Corpus, source: str, key: str) -> None:
    store = corpus.stores[source]
    info = store.head(key)
    assert info is not None
    seen = Observation(
        key=key, uri=store.uri(key), presence=Presence.PRESENT, announced=info.etag, size_bytes=info.size_bytes
    )
    limits = PartitionLimits(size=8, bytes=10**9)
    corpus.catalog.recording.record(corpus.name, source, [seen], limits=limits)


def test_an_unforeseen_error_in_writing_one_document_leaves_the_others_indexed(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for topic in ("apple", "bomb", "pear"):
        corpus.write(f"{topic}.md", paragraphs(topic))
    written = WatchedWriter.apply

    def explode(writer: WatchedWriter, physical: str, write: IndexWrite) -> None:
        upserts = list(write.upserts)
        if any("bomb" in str(point.payload) for point in upserts):
            raise ValueError("no such vector")
        written(writer, physical, IndexWrite(upserts=upserts, places=write.places, documents=write.documents))

    monkeypatch.setattr(WatchedWriter, "apply", explode)
    [report] = corpus.ingest()
    assert (report.counts.indexed, report.counts.retrying, report.counts.arrivals) == (2, 1, 3)
    assert corpus.states() == {ArrivalState.INDEXED: 2, ArrivalState.RETRYING: 1}
    assert "no such vector" in corpus.document("bomb.md").reason.message


def test_a_source_that_is_away_does_not_stop_the_other_sources_documents(corpus: Corpus) -> None:
    second = corpus.root / "second"
    second.mkdir()
    corpus.changed = TWO_SOURCES
    corpus.write("a.md", paragraphs("apple"))
    (second / "b.md").write_text(paragraphs("pear"))
    record(corpus, "folder", "a.md")
    record(corpus, "second", "b.md")
    second.rename(corpus.root / "gone")
    [report] = corpus.run()
    assert (report.counts.indexed, report.counts.source_away) == (1, 1)
    assert corpus.states() == {ArrivalState.INDEXED: 1, ArrivalState.PENDING: 1}
    corpus.hasten()
    with pytest.raises(SourceAway, match="second"):
        corpus.run()
    (corpus.root / "gone").rename(second)
    corpus.hasten()
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 2}
    [attempts] = corpus_attempts(corpus)
    assert attempts == 0


def corpus_attempts(corpus: Corpus) -> set[int]:
    with corpus.catalog._database.transaction() as connection:
        return set(connection.exec_driver_sql("SELECT attempts FROM arrivals").scalars())


def test_a_backfill_of_a_source_that_is_away_is_told_and_changes_no_state(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.folder.rename(corpus.root / "elsewhere")
    with pytest.raises(SourceAway):
        corpus.reconcile()
    assert corpus.states() == {ArrivalState.INDEXED: 1}


def test_documents_of_a_source_that_nobody_declares_any_more_wait_without_spending_attempts(corpus: Corpus) -> None:
    second = corpus.root / "second"
    second.mkdir()
    (second / "b.md").write_text(paragraphs("pear"))
    corpus.write("a.md", paragraphs("apple"))
    corpus.changed = TWO_SOURCES
    record(corpus, "second", "b.md")
    record(corpus, "folder", "a.md")
    corpus.changed = {"sources": TWO_SOURCES["sources"][:1]}
    [report] = corpus.run()
    assert (report.counts.indexed, report.counts.source_away) == (1, 1)
    assert corpus_attempts(corpus) == {0}
    corpus.changed = TWO_SOURCES
    corpus.hasten()
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 2}


def test_a_lost_index_is_written_anew_without_embedding_the_last_good_version_of_a_failed_document_too(
    corpus: Corpus,
) -> None:
    corpus.write("a.txt", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.ingest()
    corpus.write("a.txt", "")
    corpus.ingest()
    before = corpus.points()
    active = corpus.writer.spec_of(corpus.name)
    assert active is not None
    corpus.client.delete_collection(active[0])
    embedded = len(corpus.embedder.embedded)
    corpus.write("c.md", paragraphs("plum"))
    reports = corpus.ingest()
    reports += corpus.run()
    assert sum(report.lost_documents for report in reports) == 2
    assert len(corpus.embedder.embedded) == embedded + len(corpus.texts("c.md"))
    after = {point: one for point, one in corpus.points().items() if point in before}
    assert_same_points(after, before)
    assert corpus.document("a.txt").state is ArrivalState.QUARANTINED
    assert not corpus.catalog.due.has_work(corpus.name)


def test_a_backfill_of_vectors_alone_leaves_what_it_cannot_write_as_it_was(corpus: Corpus) -> None:
    for key in ("a.txt", "b.md", "c.md"):
        corpus.write(key, paragraphs("apple"))
    corpus.ingest()
    corpus.write("a.txt", "")
    (corpus.folder / "b.md").unlink()
    corpus.ingest()
    corpus.reconcile(layers=frozenset({"vectors"}))
    assert corpus.document("a.txt").state is ArrivalState.QUARANTINED
    assert corpus.document("b.md").state is ArrivalState.DELETED
    assert not corpus.catalog.due.has_work(corpus.name)


def test_more_text_than_fits_is_read_in_turns_and_all_of_it_indexed(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    small: Any = partial(BatchReader, max_text_bytes=150)
    monkeypatch.setattr(assembling, "BatchReader", small)
    for number in range(7):
        corpus.write(f"{number}.md", paragraphs(f"topic{number}", "apple"))
    corpus.ingest()
    assert corpus.states() == {ArrivalState.INDEXED: 7}
    assert corpus.reconcile().counts.unchanged == 7


def test_a_step_tried_again_writes_over_no_part_that_is_named(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_ARRIVALS", 1)
    topics = ("apple", "pear", "plum", "fig", "kiwi")
    for topic in topics:
        corpus.write(f"{topic}.md", paragraphs(topic))
    corpus.sweep()
    [claim] = corpus.catalog.claims.request(corpus.name, limit=1, launch_grace_s=60)
    named: list[str] = []

    def fail_at_the_third(step: str) -> None:
        named.extend([step] * (step == "named"))
        if len(named) == 3:
            raise DependencyUnavailable("away", dependency="qdrant")

    corpus.at_step = fail_at_the_third
    for outage in (True, False):
        started = corpus.catalog.claims.start(corpus.name, 0, claim.number, run_id="again", lease_s=60)
        assert started is not None
        if outage:
            with pytest.raises(DependencyUnavailable):
                corpus.job("again").process(started, reconcile=False)
            corpus.at_step = lambda _: None
        else:
            corpus.job("again").process(started, reconcile=False)
    for topic in topics:
        assert topic in corpus.stored_text(f"{topic}.md")
        assert corpus.texts(f"{topic}.md")


def test_an_object_that_is_not_there_is_deleted_only_when_a_sweep_says_so(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    (corpus.folder / "a.md").unlink()
    corpus.reconcile()
    assert corpus.texts("a.md")
    corpus.ingest()
    assert corpus.texts("a.md") == []


def test_a_damaged_part_is_made_again_and_stops_nobody(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.ingest()
    for part in (corpus.root / "parts").rglob("*.parquet"):
        part.write_bytes(part.read_bytes()[:-20] + b"\0" * 20)
    corpus.write("a.md", paragraphs("apple", "plum"))
    corpus.ingest()
    report = corpus.reconcile()
    assert report.counts.unchanged == 2
    assert "plum" in corpus.stored_text("a.md")
    assert "pear" in corpus.stored_text("b.md")


def test_a_machine_without_room_for_downloads_spends_no_attempts(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.write("a.md", paragraphs("apple"))

    download = type(corpus.store).download

    def to_a_full_disk(store: Any, key: str, to: Path, **asked: Any) -> Any:
        to.unlink(missing_ok=True)
        to.symlink_to("/dev/full")
        return download(store, key, to, **asked)

    with monkeypatch.context() as patched:
        patched.setattr(type(corpus.store), "download", to_a_full_disk)
        with pytest.raises(DependencyUnavailable, match="TMPDIR"):
            corpus.ingest()
    assert corpus.states() == {ArrivalState.PENDING: 1}
    assert corpus_attempts(corpus) == {0}
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 1}


def test_a_model_that_fails_with_every_text_spends_no_attempts(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.embedder = DefectiveEmbedder("")
    with pytest.raises(DependencyUnavailable, match="every text"):
        corpus.ingest()
    assert corpus_attempts(corpus) == {0}
    corpus.embedder = WordEmbedder()
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 2}


def test_a_model_that_fails_with_one_documents_text_fails_that_document(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("bomb"))
    corpus.embedder = DefectiveEmbedder("bomb")
    [report] = corpus.ingest()
    assert (report.counts.indexed, report.counts.retrying) == (1, 1)
    assert corpus.texts("a.md")


class DefectiveEmbedder(WordEmbedder):
    """Cannot embed texts that have some words in them."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any(self._words in text for text in texts):
            raise RuntimeError("out of memory")
        return super().embed_documents(texts)


def test_an_unforeseen_error_after_the_commit_repeats_nothing(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.txt", "")
    failed: list[str] = []

    def fail_once_committed(step: str) -> None:
        if step == "committed" and not failed:
            failed.append(step)
            raise ValueError(step)

    corpus.at_step = fail_once_committed
    [report] = corpus.ingest()
    assert failed
    assert not report.claim_lost
    assert (report.counts.arrivals, report.counts.indexed, report.counts.quarantined) == (2, 1, 1)
    assert corpus.states() == {ArrivalState.INDEXED: 1, ArrivalState.QUARANTINED: 1}


def test_an_index_that_vanishes_in_a_run_is_an_outage_and_no_documents_fault(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.write("b.md", paragraphs("pear"))
    active = corpus.writer.spec_of(corpus.name)
    assert active is not None

    def drop(step: str) -> None:
        if step == "locked":
            corpus.client.delete_collection(active[0])

    corpus.at_step = drop
    with pytest.raises(DependencyUnavailable):
        corpus.ingest()
    corpus.at_step = lambda _: None
    assert corpus_attempts(corpus) == {0}
    corpus.run()
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 2}
    assert corpus.texts("a.md")


def test_a_document_that_ended_its_process_is_not_tried_again_by_a_backfill(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("bomb"))
    corpus.sweep()
    crash(corpus, "b.md")
    corpus.run()
    assert corpus.document("b.md").reason.kind == "crashed"
    report = corpus.reconcile()
    assert (report.counts.parsed, report.counts.unchanged, report.counts.quarantined) == (0, 1, 1)
    shown = corpus.document("b.md")
    assert (shown.state, shown.reason.kind) == (ArrivalState.QUARANTINED, "crashed")
    corpus.catalog.due.make_due(corpus.name, [shown.newest_arrival], reason="asked")
    corpus.run()
    assert corpus.document("b.md").state is ArrivalState.INDEXED


def crash(corpus: Corpus, key: str) -> None:
    """Let a document's runs fail until it is quarantined as the cause."""
    number = corpus.document(key).newest_arrival
    for run_id in ("one", "two", "three"):
        claim = corpus.catalog.claims.take(corpus.name, 0, run_id=run_id, lease_s=60)
        assert isinstance(claim, Claim)
        assert corpus.catalog.due.begin(claim, [number]) == [number]
        corpus.catalog.claims.fail(claim, "boom", wait_s=60)


def test_a_model_that_cannot_be_opened_any_more_spends_no_attempts(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.write("b.md", paragraphs("pear"))
    corpus.sweep()

    def damaged(_: str) -> Any:
        raise OSError("tokenizer.json ends in the middle")

    [claim] = corpus.catalog.claims.request(corpus.name, limit=1, launch_grace_s=60)
    started = corpus.catalog.claims.start(corpus.name, claim.partition, claim.number, run_id="run", lease_s=60)
    assert started is not None
    job = corpus.job("run")
    job._setting = replace(job._setting, embedder_factory=damaged)
    with pytest.raises(DependencyUnavailable, match=r"tokenizer\.json"):
        job.process(started, reconcile=False)
    assert corpus_attempts(corpus) == {0}
