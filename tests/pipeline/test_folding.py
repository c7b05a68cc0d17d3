"""Part files of a block: folded into one, garbage removed, blocks that hold nothing new retired."""

import pytest

from rag_core.arrivals import ArrivalState
from resources.ingestion.folding import TooManyUnknown, remove_unknown, remove_unnamed, retire_blocks
from tests.pipeline.corpus import Corpus, paragraphs


def test_a_full_block_is_folded_and_its_old_files_go_after_the_grace_period(corpus: Corpus) -> None:
    corpus.changed = {"partition_size": 3}
    for key in ("a.md", "b.md", "c.md"):
        corpus.write(key, paragraphs(key[0] * 4, key[0] * 5))
        corpus.ingest()
    named = corpus.catalog.parts.of_block(corpus.name, 0)
    assert [(part.asset, part.arrivals) for part in named] == [("chunks", 3), ("documents", 3), ("embeddings", 3)]
    assert len(corpus.parts.list(corpus.name)) == 12
    assert remove_unnamed(corpus.parts, corpus.catalog.parts, grace_s=3600) == 0
    assert remove_unnamed(corpus.parts, corpus.catalog.parts, grace_s=0) == 9
    assert sorted(part.file for part in corpus.parts.list(corpus.name)) == sorted(part.file for part in named)
    assert corpus.reconcile().counts.part_files == 0


def test_files_that_were_never_named_go_and_named_ones_stay(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))

    def fail(step: str) -> None:
        if step == "stored":
            raise RuntimeError(step)

    corpus.sweep()
    corpus.at_step = fail
    try:
        corpus.run()
    except RuntimeError:
        corpus.at_step = lambda _: None
    assert len(corpus.parts.list(corpus.name)) == 3
    corpus.run()
    assert remove_unknown(corpus.parts, corpus.catalog.parts, corpus.name, grace_s=3600) == 0
    assert remove_unknown(corpus.parts, corpus.catalog.parts, corpus.name, grace_s=-1) == 3
    assert corpus.reconcile().counts.part_files == 0


def test_a_full_block_without_any_newest_version_is_retired(corpus: Corpus) -> None:
    corpus.changed = {"partition_size": 1}
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    assert retire_blocks(corpus.catalog.parts, corpus.name) == ()
    corpus.write("a.md", paragraphs("pear"))
    corpus.ingest()
    assert retire_blocks(corpus.catalog.parts, corpus.name) == (0,)
    remove_unnamed(corpus.parts, corpus.catalog.parts, grace_s=0)
    assert {part.file.split("/")[1] for part in corpus.parts.list(corpus.name)} == {"000001"}
    assert corpus.texts("a.md")


def test_the_files_of_another_catalog_are_not_taken_for_garbage(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    rows = next(iter(corpus.parts.read(corpus.catalog.parts.of_block(corpus.name, 0)[0].file)))
    asset = corpus.catalog.parts.of_block(corpus.name, 0)[0].asset
    for number in range(20):
        corpus.parts.write(collection=corpus.name, partition=0, asset=asset, name=f"lost-{number}", tables=[rows])
    with pytest.raises(TooManyUnknown, match="20 of the 23"):
        remove_unknown(corpus.parts, corpus.catalog.parts, corpus.name, grace_s=-1)
    assert len(corpus.parts.list(corpus.name)) == 23
    assert remove_unknown(corpus.parts, corpus.catalog.parts, corpus.name, grace_s=-1, however_many=True) == 20


def test_a_block_with_the_last_good_version_of_a_failed_document_is_not_retired(corpus: Corpus) -> None:
    corpus.changed = {"partition_size": 1}
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.write("a.md", paragraphs("apple") + "\n")  # the same text: confirmed, not indexed again
    corpus.ingest()
    corpus.write("a.md", "")
    corpus.ingest()
    assert corpus.document("a.md").state is ArrivalState.QUARANTINED
    assert retire_blocks(corpus.catalog.parts, corpus.name) == ()
