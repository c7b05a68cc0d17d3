"""What does not work, works later or works by halves: quarantine, outages, lost claims, changes under our hands."""

import threading
from pathlib import Path

import pytest

from rag_core.arrivals import ArrivalState
from rag_core.errors import ConfigurationError, DependencyUnavailable, SourceAway
from rag_core.index_spec import Payload
from resources.clients.object_store.folder import FolderStore
from resources.clients.qdrant.connect import connect
from tests.pipeline.corpus import SUFFIX, Corpus, Killed, WatchedWriter, assert_same_points, paragraphs
from tests.pipeline.word_embedder import WordEmbedder
from tests.services.loopback import free_port

BAD_PDF = "%PDF-1.7 this is no PDF"


def test_a_document_without_text_is_quarantined_and_does_not_stop_the_others(corpus: Corpus) -> None:
    corpus.write("bad.pdf", BAD_PDF)
    corpus.write("a.md", paragraphs("apple"))
    [report] = corpus.ingest()
    assert corpus.states() == {ArrivalState.QUARANTINED: 1, ArrivalState.INDEXED: 1}
    assert (report.counts.quarantined, report.counts.indexed) == (1, 1)
    reason = corpus.document("bad.pdf").reason
    assert reason.message
    assert reason.remedy
    assert corpus.texts("a.md")


def test_a_newest_version_that_fails_keeps_the_last_good_one_marked_stale(corpus: Corpus) -> None:
    corpus.write("a.txt", paragraphs("apple"))
    corpus.ingest()
    before = corpus.points()
    corpus.write("a.txt", "")
    corpus.ingest()
    assert corpus.points() == before
    shown = corpus.document("a.txt")
    assert shown.state is ArrivalState.QUARANTINED
    assert shown.stale is not None


def test_with_remove_a_newest_version_that_fails_takes_the_last_good_one_with_it(corpus: Corpus) -> None:
    corpus.changed = {"on_quarantine": "remove"}
    corpus.write("a.txt", paragraphs("apple"))
    corpus.ingest()
    corpus.write("a.txt", "")
    corpus.ingest()
    assert corpus.points() == {}
    assert corpus.document("a.txt").state is ArrivalState.QUARANTINED


def test_a_good_version_after_a_bad_one_is_indexed(corpus: Corpus) -> None:
    for text in (paragraphs("apple"), "", paragraphs("pear")):
        corpus.write("a.txt", text)
        corpus.ingest()
    assert corpus.texts("a.txt")
    assert all("pear" in text for text in corpus.texts("a.txt"))
    assert corpus.document("a.txt").stale is None


def test_narrowed_rights_take_effect_though_the_new_text_fails(corpus: Corpus) -> None:
    corpus.write("a.txt", paragraphs("apple"))
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [red, blue]")
    corpus.ingest()
    corpus.write("a.txt", "")
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [blue, green]")
    corpus.ingest()
    groups = {tuple(payload[Payload.ALLOWED_GROUPS]) for payload, _, _ in corpus.points().values()}
    assert groups == {("blue",)}
    corpus.write("a.txt", paragraphs("apple"))
    corpus.ingest()
    groups = {tuple(payload[Payload.ALLOWED_GROUPS]) for payload, _, _ in corpus.points().values()}
    assert groups == {("blue", "green")}


def test_an_index_that_is_away_spends_no_attempt_and_quarantines_nothing(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    real = corpus.writer
    corpus.__dict__["writer"] = WatchedWriter(connect(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(DependencyUnavailable):
        corpus.run()
    assert corpus.states() == {ArrivalState.PENDING: 1}
    assert corpus.document("a.md").attempts == 0
    corpus.__dict__["writer"] = real
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 1}


def test_an_index_that_goes_away_between_two_steps_gives_the_attempts_back(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.sweep()

    def vanish(step: str) -> None:
        if step == "compared":
            raise DependencyUnavailable("the index went away", dependency="qdrant")

    corpus.at_step = vanish
    with pytest.raises(DependencyUnavailable):
        corpus.run(run_id="run-a")
    assert corpus.document("a.md").attempts == 0
    corpus.at_step = lambda _: None
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 2}


def test_a_root_that_is_away_deletes_nothing_and_is_told(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    before = corpus.points()
    corpus.write("a.md", paragraphs("pear"))
    corpus.sweep()
    away = corpus.folder.rename(corpus.root / "elsewhere")
    with pytest.raises(SourceAway):
        corpus.run()
    assert corpus.points() == before
    assert corpus.document("a.md").attempts == 0
    Path(away).rename(corpus.folder)
    corpus.hasten()
    corpus.run()
    assert all("pear" in text for text in corpus.texts("a.md"))


def test_a_part_store_that_is_away_is_told_and_nothing_is_indexed(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    assert corpus.parts
    (corpus.root / "parts").rmdir()
    with pytest.raises(DependencyUnavailable):
        corpus.run()
    assert corpus.points() == {}
    (corpus.root / "parts").mkdir()
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 1}


def test_an_object_overwritten_between_reading_and_writing_stays_due(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()

    def overwrite(step: str) -> None:
        if step == "named":
            corpus.at_step = lambda _: None
            corpus.write("a.md", paragraphs("pear", "plum"))

    corpus.at_step = overwrite
    job = corpus.at_step
    [report] = corpus.run(layers=frozenset({"documents", "chunks", "embeddings", "vectors"}))
    assert job is overwrite
    assert report.counts.still_due == 1
    assert corpus.points() == {}
    assert corpus.states() == {ArrivalState.PENDING: 1}
    report = corpus.reconcile()
    assert report.counts.indexed == 1
    assert not any("apple" in text for text in corpus.texts("a.md"))


def test_an_object_overwritten_while_it_is_read_is_read_again(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    looked = FolderStore.head
    overwritten: list[str] = []

    def look_then_overwrite(store: FolderStore, key: str) -> object:
        info = looked(store, key)
        if not overwritten:
            overwritten.append(key)
            corpus.write("a.md", paragraphs("pear", "plum"))
        return info

    monkeypatch.setattr(FolderStore, "head", look_then_overwrite)
    corpus.run()
    assert overwritten
    assert corpus.texts("a.md")
    assert not any("apple" in text for text in corpus.texts("a.md"))


def test_a_run_whose_claim_was_taken_stops_before_its_next_write(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    corpus.lease_s = 0.3
    taken = threading.Event()

    def lose_the_claim(step: str) -> None:
        if step == "begun" and not taken.is_set():
            taken.set()
            with corpus.catalog._database.transaction() as connection:
                connection.exec_driver_sql("UPDATE claims SET number = number + 1, run_id = 'other'")
            threading.Event().wait(0.5)

    corpus.at_step = lose_the_claim
    [report] = corpus.run()
    assert report.claim_lost
    assert corpus.points() == {}


def test_a_changed_model_in_the_yaml_is_told_and_the_old_index_goes_on(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.changed = {"embedding": {"model": "other"}}
    corpus.write("b.md", paragraphs("pear"))
    [report] = corpus.ingest()
    assert "other" in report.yaml_differs
    assert corpus.texts("b.md")


def test_other_weights_under_the_same_name_are_refused(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.embedder = WordEmbedder("other")
    corpus.write("b.md", paragraphs("pear"))
    with pytest.raises(ConfigurationError, match="other@1"):
        corpus.ingest()


def test_a_defect_met_in_one_document_comes_later_and_does_not_stop_the_others(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.sweep()
    downloaded = FolderStore.download

    def broken(store: FolderStore, key: str, *rest: object, **named: object) -> object:
        if key == "a.md":
            raise ZeroDivisionError
        return downloaded(store, key, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderStore, "download", broken)
    [report] = corpus.run()
    assert (report.counts.retrying, report.counts.indexed) == (1, 1)
    assert corpus.states() == {ArrivalState.RETRYING: 1, ArrivalState.INDEXED: 1}


def test_a_half_written_version_followed_by_a_bad_one_leaves_the_last_good_text(corpus: Corpus) -> None:
    corpus.write("a.txt", paragraphs("apple", "pear"))
    corpus.ingest()
    good = corpus.points()
    corpus.write("a.txt", paragraphs("apple", "plum"))
    corpus.sweep()

    def die(step: str) -> None:
        if step == "written":
            raise Killed

    corpus.at_step = die
    with pytest.raises(Killed):
        corpus.run(run_id="dead")
    corpus.at_step = lambda _: None
    assert corpus.points() != good
    corpus.catalog.claims.sweep_dead(lambda run: run == "dead")
    corpus.write("a.txt", "")
    corpus.ingest()
    assert_same_points(corpus.points(), good)
    assert corpus.document("a.txt").stale is not None
    assert corpus.catalog.queries.open_intents(corpus.name) == []
