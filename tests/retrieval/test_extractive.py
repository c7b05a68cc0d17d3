from collections.abc import Sequence

import numpy as np

from rag_core.answering.extractive import Abstained, Answer, Question, answer_from
from rag_core.citations import Passage, distinct_passages
from rag_core.fusion import Ranked
from rag_core.index_spec import Payload
from rag_core.sparse import Bm25
from tests.pipeline.word_embedder import WordEmbedder

BM25 = Bm25(k1=1.2, b=0.75, average_length=100)
EMBEDDER = WordEmbedder()


def passages(*texts: str, score: float = 0.8) -> list[Passage]:
    ranked = [
        Ranked(point_id=str(number), score=score - number / 100, dense=None, sparse=None)
        for number, _ in enumerate(texts)
    ]
    payloads = {str(number): {Payload.TEXT: text} for number, text in enumerate(texts)}
    return distinct_passages(ranked, payloads, limit=10)


def answered(question: str, found: Sequence[Passage], *, threshold: float = 0.4) -> Answer:
    query = BM25.query(question)
    return answer_from(
        Question(
            text=question,
            vector=EMBEDDER.embed_query(question).tolist(),
            term_weights=dict(zip(query.indices, query.values, strict=True)),
        ),
        found,
        threshold=threshold,
        terms_of=lambda text: frozenset(BM25.query(text).indices),
        embed=lambda texts: list(np.asarray(EMBEDDER.embed_documents(texts))),
    )


def test_the_sentence_that_answers_is_quoted_word_for_word() -> None:
    found = passages("The office opens at nine. Backups are kept for thirty days. Lunch is free.")
    answer = answered("How long are backups kept?", found)
    assert answer.abstained is None
    (quote, *_) = answer.quotes
    assert quote.text == "Backups are kept for thirty days."
    assert found[quote.passage].text[quote.start : quote.end] == quote.text


def test_the_same_sentence_in_two_passages_is_quoted_once() -> None:
    answer = answered(
        "How long are backups kept?",
        passages("Backups are kept for thirty days. First.", "Backups are kept for thirty days! Second."),
    )
    assert len(answer.quotes) == 1


def test_quotes_of_one_passage_are_in_reading_order() -> None:
    answer = answered("backups kept days", passages("Old backups kept days. Then backups are kept for many days."))
    assert [quote.start for quote in answer.quotes] == sorted(quote.start for quote in answer.quotes)


def test_a_best_passage_below_the_threshold_is_no_answer() -> None:
    answer = answered("How long are backups kept?", passages("Lunch is free for all.", score=0.2))
    assert (answer.quotes, answer.abstained, answer.confidence) == ((), Abstained.NOT_IN_PASSAGES, 0.2)


def test_without_passages_or_sentences_the_reason_says_so() -> None:
    assert answered("Why?", []).abstained is Abstained.NO_PASSAGES
    assert answered("Why is it so?", passages("Ok.")).abstained is Abstained.NOTHING_TO_QUOTE


def test_equal_texts_come_once_with_their_other_places() -> None:
    ranked = [Ranked(point_id=name, score=score, dense=None, sparse=None) for name, score in [("a", 0.9), ("b", 0.8)]]
    payloads = {name: {Payload.TEXT: "same", Payload.URI: f"file:///{name}"} for name in "ab"}
    (passage,) = distinct_passages(ranked, payloads, limit=10)
    assert passage.place.uri == "file:///a"
    assert [place.uri for place in passage.also_at] == ["file:///b"]
