"""Runs over some layers, forced layers, and what Parquet makes possible: indexing again without embedding."""

from rag_core.arrivals import ArrivalState
from tests.pipeline.corpus import Corpus, assert_same_points, paragraphs


def test_a_lost_index_is_filled_again_from_parquet_without_parsing_or_embedding(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("plum"))
    corpus.ingest()
    before = corpus.points()
    asked = len(corpus.embedder.embedded)
    active = corpus.writer.spec_of(corpus.name)
    assert active is not None
    corpus.client.delete_collection(active[0])
    report = corpus.reconcile(layers=frozenset({"vectors"}))
    assert (report.counts.parsed, report.counts.embedded) == (0, 0)
    assert len(corpus.embedder.embedded) == asked
    assert_same_points(corpus.points(), before)


def test_new_chunk_lengths_cut_the_stored_text_again_without_reading_the_source(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear", "plum", "fig"))
    corpus.ingest()
    before = corpus.texts("a.md")
    corpus.changed = {"chunking": {"min_tokens": 16, "max_tokens": 64}}
    report = corpus.reconcile(layers=frozenset({"chunks", "embeddings", "vectors"}))
    assert (report.counts.downloaded, report.counts.parsed) == (0, 0)
    assert report.counts.indexed == 1
    assert corpus.texts("a.md") != before
    assert corpus.reconcile().counts.unchanged == 1


def test_a_run_without_vectors_never_marks_indexed(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    report = corpus.reconcile(layers=frozenset({"documents", "chunks", "embeddings"}))
    assert report.counts.stored == 1
    assert corpus.states() == {ArrivalState.PENDING: 1}
    assert corpus.points() == {}
    [full] = corpus.run()
    assert (full.counts.parsed, full.counts.embedded) == (0, 0)
    assert full.counts.indexed == 1


def test_vectors_alone_never_write_an_arrival_that_has_no_rows_yet(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    before = corpus.points()
    corpus.write("a.md", paragraphs("pear"))
    corpus.sweep()
    report = corpus.reconcile(layers=frozenset({"vectors"}))
    assert report.counts.still_due == 1
    assert corpus.points() == before
    corpus.run()
    assert all("pear" in text for text in corpus.texts("a.md"))


def test_forced_layers_are_made_again(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.ingest()
    before = corpus.points()
    report = corpus.reconcile(recompute=frozenset({"documents", "chunks", "embeddings", "vectors"}))
    assert report.counts.parsed == 1
    assert report.counts.embedded == report.counts.points_written == len(before)
    assert_same_points(corpus.points(), before)


def test_parquet_taken_away_by_hand_is_made_again(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    for part in corpus.parts.list(corpus.name):
        corpus.parts.delete(part.file)
    report = corpus.reconcile()
    assert report.counts.part_files == 3
    assert report.counts.points_written == 0
    assert corpus.reconcile().counts.part_files == 0


def test_points_changed_by_hand_are_put_right_by_reconciling(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear", "plum"))
    corpus.ingest()
    before = corpus.points()
    active = corpus.writer.spec_of(corpus.name)
    assert active is not None
    one, other, *_ = before
    corpus.client.delete(active[0], [one])
    corpus.client.set_payload(active[0], {"ordinal": 99, "document_key": "?"}, points=[other])
    report = corpus.reconcile()
    assert report.counts.embedded == 0
    assert (report.counts.points_written, report.counts.points_moved) == (1, 1)
    assert_same_points(corpus.points(), before)


def test_the_same_bytes_under_another_name_are_another_document_and_embed_nothing(corpus: Corpus) -> None:
    corpus.write("a.txt", paragraphs("apple", "pear"))
    corpus.ingest()
    embedded = len(corpus.embedder.embedded)
    corpus.write("copies/b.txt", paragraphs("apple", "pear"))
    [report] = corpus.ingest()
    assert len(corpus.embedder.embedded) == embedded
    assert (report.counts.embedded, report.counts.vectors_reused) == (0, report.counts.chunks)
    assert corpus.texts("copies/b.txt") == corpus.texts("a.txt")
    (corpus.folder / "a.txt").unlink()
    corpus.ingest()
    assert corpus.texts("copies/b.txt")
