"""Answers to questions whose answers are known, and to questions that the corpus does not answer.

Words are compared as SQuAD compares them (Rajpurkar, Jia, Liang, *Know What You Don't Know*, ACL 2018): lower case,
without punctuation and articles. An answer is quoted sentences, so what counts is whether they hold the expected
words: ``holds_answer`` all of one expected answer in a row, ``answer_words`` the share of the best one's words.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.api import Api
from evaluation.datasets import AnsweredQuestion
from evaluation.scoring import Estimate, estimate

MEASURES = ("answered", "holds_answer", "answer_words", "cites_document", "abstained")
_THREADS = 2
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersReport:
    """Shares with their intervals: ``abstained`` of the unanswerable questions, the others of the answerable ones.

    ``auc`` is how well the confidence tells the two kinds apart: 0.5 not at all, 1 without a mistake; None where there
    is only one kind.
    """

    answerable: int
    unanswerable: int
    shares: dict[str, Estimate]
    auc: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the report's means as JSON."""
        numbers = {name: round(share.mean, 4) for name, share in self.shares.items()}
        auc = None if self.auc is None else round(self.auc, 4)
        return {"answerable": self.answerable, "unanswerable": self.unanswerable, **numbers, "auc": auc}


def ask_all(
    api: Api,
    collection: str,
    questions: Sequence[AnsweredQuestion],
    *,
    id_of: Callable[[str], str | None],
    seen: Callable[[int], None] = lambda _: None,
) -> AnswersReport:
    """Ask every question and say how often the answers were right, and withheld where there is none."""
    answers: list[dict[str, Any]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, answer in enumerate(pool.map(lambda each: api.ask(collection, each.text), questions), start=1):
            answers.append(answer)
            seen(number)
    pairs = list(zip(questions, answers, strict=True))
    known = [(question, answer) for question, answer in pairs if question.is_answerable]
    unknown = [answer for question, answer in pairs if not question.is_answerable]
    shares: dict[str, Estimate] = {}
    if known:
        judged = [_judged(question, answer, id_of) for question, answer in known]
        shares |= {name: estimate([each[name] for each in judged]) for name in MEASURES[:-1]}
    if unknown:
        shares["abstained"] = estimate([float(not answer["answered"]) for answer in unknown])
    return AnswersReport(
        answerable=len(known),
        unanswerable=len(unknown),
        shares=shares,
        auc=_auc([answer["confidence"] for _, answer in known], [answer["confidence"] for answer in unknown]),
    )


def spread(questions: Sequence[AnsweredQuestion], number: int | None) -> list[AnsweredQuestion]:
    """Return ``number`` of each kind, evenly from the whole; all of them without a number."""
    if number is None:
        return list(questions)
    kinds = ([each for each in questions if each.is_answerable is kind] for kind in (True, False))
    return [each for kind in kinds for each in kind[:: max(1, len(kind) // number)][:number]]


def words_of(text: str) -> list[str]:
    """Return a text's words as SQuAD compares them."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _judged(question: AnsweredQuestion, answer: dict[str, Any], id_of: Callable[[str], str | None]) -> dict[str, float]:
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


def _auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the probability that an answerable question is given more confidence, ties counted half."""
    if not positive or not negative:
        return None
    order = np.sort(np.asarray(negative, np.float64))
    below, upto = np.searchsorted(order, positive, "left"), np.searchsorted(order, positive, "right")
    return float((below + upto).mean() / (2 * len(order)))
