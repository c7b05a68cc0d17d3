"""What becomes of a document's points when it is new, edited, shortened, put back, deleted or only touched."""

import os

from rag_core.arrivals import ArrivalState
from rag_core.index_spec import Payload
from tests.pipeline.corpus import Corpus, assert_same_points, paragraphs


def total(reports: list, name: str) -> int:
    return sum(getattr(report.counts, name) for report in reports)


def test_a_new_document_is_searchable_and_its_rows_are_stored(corpus: Corpus) -> None:
    corpus.write("a.md", "# Apples\n\n" + paragraphs("apple", "pear", "plum"))
    [report] = corpus.ingest()
    assert corpus.states() == {ArrivalState.INDEXED: 1}
    assert report.counts.indexed == 1
    assert report.counts.embedded == report.counts.points_written == len(corpus.points()) >= 3
    payload = next(iter(corpus.points().values()))[0]
    assert payload[Payload.ALLOWED_GROUPS] == ["*"]
    assert payload[Payload.TITLE] == "Apples"
    assert payload[Payload.URI] == corpus.store.uri("a.md")
    assert report.block["embeddings"].rows == report.block["vectors"].rows == len(corpus.points())


def test_the_same_work_again_embeds_nothing_and_writes_nothing(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("fig", "kiwi"))
    corpus.ingest()
    files = corpus.parts.list(corpus.name)
    asked, writes, before = len(corpus.embedder.embedded), corpus.writer.writes, corpus.points()
    assert corpus.ingest() == []
    report = corpus.reconcile()
    assert report.counts.arrivals == 2
    assert report.counts.unchanged == 2
    assert report.counts.embedded == report.counts.parsed == report.counts.downloaded == 0
    assert report.counts.points_written == report.counts.part_files == 0
    assert (len(corpus.embedder.embedded), corpus.writer.writes) == (asked, writes)
    assert corpus.points() == before
    assert corpus.parts.list(corpus.name) == files


def test_editing_one_paragraph_embeds_exactly_the_changed_chunks(corpus: Corpus) -> None:
    topics = ["apple", "pear", "plum", "fig", "kiwi", "lime"]
    corpus.write("a.md", paragraphs(*topics))
    corpus.ingest()
    before = set(corpus.texts("a.md"))
    asked = len(corpus.embedder.embedded)
    corpus.write("a.md", paragraphs(*topics).replace("tells of plum", "tells of plum, which is a fruit,"))
    reports = corpus.ingest()
    after = set(corpus.texts("a.md"))
    new = after - before
    assert 1 <= len(new) <= 2
    assert total(reports, "embedded") == len(corpus.embedder.embedded) - asked == len(new)
    assert total(reports, "points_written") == len(new)
    assert total(reports, "points_deleted") == len(before - after)
    assert "".join(text for text in corpus.texts("a.md")).count("which is a fruit") == 1


def test_shorter_second_version_leaves_no_orphan_points(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear", "plum", "fig"))
    corpus.ingest()
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    assert all("apple" in text for text in corpus.texts("a.md"))
    assert len(corpus.points()) == len(corpus.texts("a.md"))


def test_a_deleted_document_is_gone_and_its_row_says_so(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.ingest()
    (corpus.folder / "a.md").unlink()
    reports = corpus.ingest()
    assert corpus.texts("a.md") == []
    assert corpus.texts("b.md")
    assert total(reports, "deleted") == 1
    assert corpus.document("a.md").state is ArrivalState.DELETED


def test_an_announced_deletion_is_confirmed_by_looking(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    (corpus.folder / "a.md").unlink()
    corpus.sweep()
    corpus.write("a.md", paragraphs("pear"))
    corpus.run()
    assert all("pear" in text for text in corpus.texts("a.md"))
    assert corpus.texts("a.md")


def test_deleted_and_added_again_is_indexed_again(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    (corpus.folder / "a.md").unlink()
    corpus.ingest()
    asked = len(corpus.embedder.embedded)
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    assert corpus.texts("a.md")
    assert len(corpus.embedder.embedded) == asked


def test_a_to_b_to_a_ends_with_a(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.ingest()
    first = corpus.points()
    corpus.write("a.md", paragraphs("plum", "pear"))
    corpus.ingest()
    assert corpus.points() != first
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.ingest()
    assert_same_points(corpus.points(), first)


def test_a_touched_document_is_unchanged_and_nothing_is_written(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    writes = corpus.writer.writes
    os.utime(corpus.folder / "a.md", (1_700_000_000, 1_700_000_000))
    [report] = corpus.ingest()
    assert report.counts.unchanged == 1
    assert (report.counts.parsed, report.counts.embedded) == (0, 0)
    assert corpus.writer.writes == writes


def test_two_arrivals_of_one_document_in_one_block_write_the_newest_once(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    corpus.write("a.md", paragraphs("pear"))
    [report] = corpus.ingest()
    assert corpus.states() == {ArrivalState.SUPERSEDED: 1, ArrivalState.INDEXED: 1}
    assert report.counts.superseded == 1
    assert all("pear" in text for text in corpus.texts("a.md"))


def test_equal_texts_in_one_batch_are_embedded_once(corpus: Corpus) -> None:
    for key in ("a.txt", "b.txt", "c.txt"):
        corpus.write(key, paragraphs("apple", "pear"))
    corpus.changed = {"chunking": {"min_tokens": 8, "max_tokens": 32, "context": "none"}}
    [report] = corpus.ingest()
    assert report.counts.points_written == 3 * report.counts.embedded


def test_a_chunk_that_only_moved_keeps_its_vector_and_gets_its_new_place(corpus: Corpus) -> None:
    corpus.write("a.md", "# Fruit\n\n" + paragraphs("apple", "pear", "plum"))
    corpus.ingest()
    corpus.write("a.md", "# Fruit\n\n" + paragraphs("fig", "apple", "pear", "plum"))
    [report] = corpus.ingest()
    assert report.counts.points_moved >= 2
    assert report.counts.points_written <= 2
    spans = [(payload[Payload.START], payload[Payload.END]) for payload, _, _ in corpus.points().values()]
    text = corpus.stored_text("a.md")
    assert sorted(text[start:end] for start, end in spans) == sorted(corpus.texts("a.md"))


def test_more_documents_than_a_micro_batch_all_arrive_with_few_part_files(corpus: Corpus) -> None:
    corpus.changed = {"partition_size": 100}
    for number in range(100):
        corpus.write(f"{number:03}.txt", paragraphs(f"topic{number}"))
    [report] = corpus.ingest()
    assert report.counts.indexed == 100
    assert corpus.states() == {ArrivalState.INDEXED: 100}
    assert report.folded_files == 6
    named = corpus.catalog.parts.of_block(corpus.name, 0)
    assert [(part.asset, part.arrivals) for part in named] == [
        ("chunks", 100),
        ("documents", 100),
        ("embeddings", 100),
    ]
    assert corpus.reconcile().counts.unchanged == 100
