"""A run reads, embeds and writes different documents at the same time, and settles them as if it did not."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag_core.arrivals import ArrivalState
from rag_core.errors import DependencyUnavailable
from resources.ingestion import batching
from tests.pipeline.corpus import Corpus, paragraphs
from tests.pipeline.word_embedder import WordEmbedder

LONG_S = 30


class NotingEmbedder(WordEmbedder):
    """Says when a text with some word comes to be embedded."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word
        self.met = threading.Event()

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any(self._word in text for text in texts):
            self.met.set()
        return super().embed_documents(texts)


@pytest.fixture(autouse=True)
def one_document_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_ARRIVALS", 1)


def test_the_next_document_is_embedded_while_the_one_before_it_is_written(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write("b.md", paragraphs("pear"))
    corpus.embedder = NotingEmbedder("pear")
    overlapped: list[bool] = []

    def wait_for_the_next(step: str) -> None:
        if step == "named" and not overlapped:
            overlapped.append(corpus.embedder.met.wait(LONG_S))

    corpus.at_step = wait_for_the_next
    [report] = corpus.ingest()
    assert overlapped == [True]
    assert (report.counts.indexed, report.counts.arrivals) == (2, 2)


def test_an_outage_in_writing_gives_back_what_was_read_and_embedded_meanwhile(corpus: Corpus) -> None:
    for topic in ("apple", "pear", "plum", "fig"):
        corpus.write(f"{topic}.md", paragraphs(topic))
    corpus.embedder = NotingEmbedder("fig")

    def fail(step: str) -> None:
        if step == "locked":
            corpus.embedder.met.wait(LONG_S)
            raise DependencyUnavailable("away", dependency="qdrant")

    corpus.at_step = fail
    with pytest.raises(DependencyUnavailable):
        corpus.ingest()
    with corpus.catalog._database.transaction() as connection:
        assert set(connection.exec_driver_sql("SELECT state, attempts FROM arrivals")) == {("pending", 0)}
    corpus.at_step = lambda _: None
    corpus.run()
    assert corpus.states() == {ArrivalState.INDEXED: 4}


def test_a_defect_met_in_writing_fails_its_document_and_those_behind_it_go_on(corpus: Corpus) -> None:
    for topic in ("apple", "pear", "plum"):
        corpus.write(f"{topic}.md", paragraphs(topic))
    locked: list[str] = []

    def fail_with_the_second(step: str) -> None:
        locked.extend([step] * (step == "locked"))
        if step == "locked" and len(locked) == 2:
            raise ValueError("a defect")

    corpus.at_step = fail_with_the_second
    [report] = corpus.ingest()
    assert (report.counts.indexed, report.counts.retrying, report.counts.arrivals) == (2, 1, 3)


def test_writing_does_not_wait_for_what_is_read_meanwhile(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_ARRIVALS", 4)
    topics = ("apple", "fig", "kiwi", "lemon", "mango", "melon", "peach", "pear")
    for topic in topics:
        corpus.write(f"{topic}.md", paragraphs(topic))
    written = threading.Event()
    download = type(corpus.store).download

    def slowly(store: Any, key: str, to: Path, **asked: Any) -> Any:
        if topics.index(key.removesuffix(".md")) >= 4:
            assert written.wait(LONG_S), "the first documents are not written while the others are read"
        return download(store, key, to, **asked)

    def note(step: str) -> None:
        if step == "committed":
            written.set()

    monkeypatch.setattr(type(corpus.store), "download", slowly)
    corpus.at_step = note
    corpus.ingest()
    assert corpus.states() == {ArrivalState.INDEXED: 8}
