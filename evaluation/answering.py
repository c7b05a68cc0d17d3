"""Answers to questions whose answers are known, and to questions that the corpus does not answer.

Words are compared as SQuAD compares them (Rajpurkar, Jia, Liang, *Know What You Don't Know*, ACL 2018): lower case,
without punctuation and articles. An answer is quoted sentences, so what counts is whether they hold the expected
words: ``holds_answer`` all of one expected answer in a row, ``answer_words`` the share of the best one's words;
``holds_when_answered`` leaves out the questions that were not answered.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from evaluation.abstaining import AtThreshold, Outcome, abstentions, at_thresholds, auc, best
from evaluation.api import Api
from evaluation.choosing import Criterion
from evaluation.datasets import AnsweredQuestion
from evaluation.scoring import Estimate, estimate

MEASURES = ("answered", "holds_answer", "answer_words", "cites_document")
_Thing = TypeVar("_Thing")
_THREADS = 2
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersReport:
    """Shares with their intervals, at the threshold that the API had.

    ``abstained`` is of the unanswerable questions (recall of abstaining), ``abstention_precision`` of the answers that
    were withheld, ``holds_when_answered`` of the answers given to answerable questions, the others of the answerable
    questions. ``auc`` is how well the confidence tells the two kinds apart: 0.5 not at all, 1 without a mistake.
    ``best`` and ``at_thresholds`` go by the confidence alone. What needs both kinds is missing where there is one.
    """

    answerable: int
    unanswerable: int
    threshold: float
    threshold_from: str | None
    shares: Mapping[str, Estimate]
    best: Mapping[Criterion, AtThreshold]
    at_thresholds: Sequence[AtThreshold]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON: values, their intervals, and what other thresholds would do."""
        return {
            "answerable": self.answerable,
            "unanswerable": self.unanswerable,
            "threshold": self.threshold,
            "threshold_from": self.threshold_from,
            **{name: round(share.mean, 4) for name, share in self.shares.items()},
            "intervals": {name: share.interval() for name, share in self.shares.items()},
            "best": {criterion.value: found.to_json() for criterion, found in self.best.items()},
            "at_thresholds": [each.to_json() for each in self.at_thresholds],
        }


def ask_all(
    api: Api,
    collection: str,
    questions: Sequence[AnsweredQuestion],
    *,
    id_of: Callable[[str], str | None],
    threshold_from: str | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> AnswersReport:
    """Ask every question (at least one) and say how often the answers were right, and withheld where there is none.

    ``threshold_from`` says where the API's threshold was chosen.
    """
    answers: list[dict[str, Any]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, answer in enumerate(pool.map(lambda each: api.ask(collection, each.text), questions), start=1):
            answers.append(answer)
            seen(number)
    return _report(list(zip(questions, answers, strict=True)), id_of, threshold_from)


def spread(questions: Sequence[AnsweredQuestion], number: int | None) -> list[AnsweredQuestion]:
    """Return ``number`` of each kind, evenly from the whole; all of them without a number."""
    if number is None:
        return list(questions)
    kinds = ([each for each in questions if each.is_answerable is kind] for kind in (True, False))
    return [each for kind in kinds for each in evenly(kind, number)]


def evenly(things: Sequence[_Thing], number: int) -> list[_Thing]:
    """Return ``number`` of the things, evenly from first to last; all where there are no more."""
    taken = min(number, len(things))
    return [things[each * len(things) // taken] for each in range(taken)]


def words_of(text: str) -> list[str]:
    """Return a text's words as SQuAD compares them."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _report(
    pairs: Sequence[tuple[AnsweredQuestion, Mapping[str, Any]]],
    id_of: Callable[[str], str | None],
    threshold_from: str | None,
) -> AnswersReport:
    judged = [_judged(question, answer, id_of) for question, answer in pairs if question.is_answerable]
    shares = {name: estimate([each[name] for each in judged]) for name in MEASURES if judged}
    if answered := [each["holds_answer"] for each in judged if each["answered"]]:
        shares["holds_when_answered"] = estimate(answered)
    outcomes = [
        Outcome(is_answerable=question.is_answerable, answered=answer["answered"], confidence=answer["confidence"])
        for question, answer in pairs
    ]
    unknown = [each for each in outcomes if not each.is_answerable]
    if unknown:
        shares["abstained"] = estimate([float(not each.answered) for each in unknown])
    if unknown and judged:
        shares |= abstentions(outcomes)
        shares["auc"] = auc(
            [each.confidence for each in outcomes if each.is_answerable], [each.confidence for each in unknown]
        )
    chosen = {criterion: best(outcomes, criterion) for criterion in Criterion} if unknown and judged else {}
    return AnswersReport(
        answerable=len(judged),
        unanswerable=len(unknown),
        threshold=pairs[0][1]["threshold"],
        threshold_from=threshold_from,
        shares=shares,
        best=chosen,
        at_thresholds=at_thresholds(outcomes) if chosen else [],
    )


def _judged(
    question: AnsweredQuestion, answer: Mapping[str, Any], id_of: Callable[[str], str | None]
) -> dict[str, float]:
    said = words_of(" ".join(quote["text"] for quote in answer["quotes"]))
    spelled = f" {' '.join(said)} "
    expected = [words_of(each) for each in question.answers]
    cited = (
        {id_of(place["uri"]) for citation in answer["citations"] for place in (citation, *citation["also_at"])}
        if answer["answered"]
        else set[str | None]()
    )
    return {
        "answered": float(answer["answered"]),
        "holds_answer": float(any(words and f" {' '.join(words)} " in spelled for words in expected)),
        "answer_words": max((_held(words, said) for words in expected), default=0.0),
        "cites_document": float(question.document is not None and question.document in cited),
    }


def _held(words: Sequence[str], said: Sequence[str]) -> float:
    return (Counter(words) & Counter(said)).total() / len(words) if words else 0.0
