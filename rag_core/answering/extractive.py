"""Extractive answers: the one to three sentences of the best passages that answer, quoted word for word and cited.

The same question over the same passages gives the same answer; nothing is said that no document says. Where the best
passage does not reach the threshold the answer is that the passages do not answer, with the reason.

The default threshold is 0.4 (``RAG_ANSWER_THRESHOLD``). Measured with all-MiniLM-L6-v2 (docs/evaluation.md) it answers
94 % of SQuAD 2's and 96 % of CLAPNQ's answerable questions, and 7 % of CLAPNQ's where SQuAD's passages are asked
(AUC 0.98). A collection's own unanswerable questions are told apart on CLAPNQ (AUC 0.85) and hardly on SQuAD's
adversarial ones (0.62), which no retrieval score can tell.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rag_core.answering.sentences import Sentence, split_sentences, words_of
from rag_core.citations import Passage

MAX_PASSAGES = 6
MAX_SENTENCES = 32
MAX_QUOTES = 3
_FOLLOWING_SHARE = 0.8
"""A second or third sentence is quoted only if it scores at least this share of the first."""
_REDUNDANT = 0.6
"""Share of common words from which a sentence says nothing that is not quoted already."""

Vector = Sequence[float]


class Abstained(StrEnum):
    """Why there is no answer; stable words."""

    NO_PASSAGES = "no-passages"
    NOT_IN_PASSAGES = "not-in-passages"
    NOTHING_TO_QUOTE = "nothing-to-quote"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its vector and what each of its terms weighs (its share of the query's bound)."""

    text: str
    vector: Vector
    term_weights: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence word for word: ``passages[passage].text[start:end]``."""

    text: str
    passage: int
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Quotes, or none and the reason; ``confidence`` is the best passage's score in [0, 1].

    The passage of the best quote comes first; quotes of one passage are in reading order.
    """

    quotes: tuple[Quote, ...]
    abstained: Abstained | None
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    sentence: Sentence
    passage: int
    coverage: float


def confidence_of(passages: Sequence[Passage]) -> float:
    """Return the score of the best of the passages, which come best first; 0 for none."""
    return passages[0].score if passages else 0.0


def abstention(passages: Sequence[Passage], *, threshold: float) -> Abstained | None:
    """Return why nothing may answer from these passages, or None where they reach the threshold."""
    if not passages:
        return Abstained.NO_PASSAGES
    return Abstained.NOT_IN_PASSAGES if confidence_of(passages) < threshold else None


def answer_from(
    question: Question,
    passages: Sequence[Passage],
    *,
    threshold: float,
    terms_of: Callable[[str], frozenset[int]],
    embed: Callable[[Sequence[str]], Sequence[Vector]],
) -> Answer:
    """Return the quotes that answer, or why there are none; embeds at most ``MAX_SENTENCES``, in one batch.

    ``passages`` come best first with bounded-sum scores. ``terms_of`` is the index's own analyzer, ``embed`` gives unit
    vectors of sentences by the question's model.
    """
    confidence = confidence_of(passages)
    if (reason := abstention(passages, threshold=threshold)) is not None:
        return Answer(quotes=(), abstained=reason, confidence=confidence)
    candidates = _candidates(question, passages[:MAX_PASSAGES], terms_of)
    if not candidates:
        return Answer(quotes=(), abstained=Abstained.NOTHING_TO_QUOTE, confidence=confidence)
    vectors = embed([each.sentence.text for each in candidates])
    quotes = [
        Quote(
            text=each.sentence.text,
            passage=each.passage,
            start=each.sentence.start,
            end=each.sentence.end,
            score=_score(question, each, vector, passages[each.passage].score),
        )
        for each, vector in zip(candidates, vectors, strict=True)
    ]
    return Answer(quotes=_chosen(quotes), abstained=None, confidence=confidence)


def coverage(term_weights: Mapping[int, float], terms: frozenset[int]) -> float:
    """Return the share of the question's weight that a text's terms cover, in [0, 1]."""
    total = math.fsum(term_weights.values())
    if total <= 0:
        return 0.0
    return math.fsum(weight for term, weight in term_weights.items() if term in terms) / total


def _candidates(
    question: Question, passages: Sequence[Passage], terms_of: Callable[[str], frozenset[int]]
) -> list[_Candidate]:
    """Return the sentences worth embedding: those that cover most, by rank of their passage where they are equal."""
    found: list[_Candidate] = []
    for number, passage in enumerate(passages):
        found += [
            _Candidate(sentence=each, passage=number, coverage=coverage(question.term_weights, terms_of(each.text)))
            for each in split_sentences(passage.text)
        ]
    return sorted(found, key=lambda each: (-each.coverage, each.passage, each.sentence.start))[:MAX_SENTENCES]


def _score(question: Question, candidate: _Candidate, vector: Vector, passage_score: float) -> float:
    """Return how well a sentence answers, in [0, 1]: nearness, words, and the passage it stands in, alike in weight."""
    near = max(0.0, math.fsum(float(a) * float(b) for a, b in zip(question.vector, vector, strict=True)))
    score = (min(1.0, near) + candidate.coverage + passage_score) / 3
    return score if candidate.sentence.is_whole else 0.8 * score


def _chosen(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    best_first = sorted(quotes, key=lambda each: (-each.score, each.passage, each.start))
    chosen: list[Quote] = []
    for quote in best_first:
        if len(chosen) == MAX_QUOTES or (chosen and quote.score < _FOLLOWING_SHARE * chosen[0].score):
            break
        if not any(_is_redundant(quote, other) for other in chosen):
            chosen.append(quote)
    passages = list(dict.fromkeys(quote.passage for quote in chosen))
    return tuple(sorted(chosen, key=lambda each: (passages.index(each.passage), each.start)))


def _is_redundant(quote: Quote, other: Quote) -> bool:
    words, others = words_of(quote.text), words_of(other.text)
    return len(words & others) >= _REDUNDANT * min(len(words), len(others))
