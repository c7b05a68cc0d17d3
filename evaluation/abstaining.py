"""Withholding an answer: how often it was right, and which threshold of the confidence to choose.

Abstaining is right on a question that the corpus does not answer, and wrong on the others. Precision and recall are
those of abstaining: of the answers withheld the share that was rightly withheld, and of the unanswerable questions the
share whose answer was. A threshold is chosen on one set of questions and measured on another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.choosing import Criterion
from evaluation.scoring import RESAMPLES, Estimate, bounded

Numbers = npt.NDArray[np.float64]
KEPT = 0.95
_SHOWN = tuple(round(0.2 + 0.05 * step, 2) for step in range(13))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a question."""

    is_answerable: bool
    answered: bool
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AtThreshold:
    """A threshold, the share of the answerable questions that reach it, and of the unanswerable ones that do not."""

    threshold: float
    answered: float
    abstained: float
    precision: float | None

    def to_json(self) -> dict[str, float | None]:
        """Return it as JSON."""
        precision = None if self.precision is None else round(self.precision, 4)
        shares = {"answered": round(self.answered, 4), "abstained": round(self.abstained, 4)}
        return {"threshold": self.threshold, **shares, "precision": precision}


def abstentions(outcomes: Sequence[Outcome]) -> dict[str, Estimate]:
    """Return precision and F1 of abstaining; what is undefined, because no answer was withheld, is left out."""
    cells = np.zeros((2, 2))
    for each in outcomes:
        cells[int(each.is_answerable), int(each.answered)] += 1
    total = int(cells.sum())
    drawn = (
        np.random.default_rng(0)
        .multinomial(total, cells.ravel() / max(1, total), size=RESAMPLES)
        .reshape(-1, 2, 2)
        .astype(np.float64)
    )
    shown: dict[str, Estimate] = {}
    for name, share in (("abstention_precision", _precision), ("abstention_f1", _f1)):
        value = share(cells[None])[0]
        again = share(drawn)
        if np.isfinite(value):
            shown[name] = bounded(float(value), again[np.isfinite(again)])
    return shown


def auc(positive: Sequence[float], negative: Sequence[float]) -> Estimate:
    """Return the probability that a positive is given more confidence than a negative, ties counted half.

    At least one of each is needed, here and below.
    """
    above, below = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    draw = np.random.default_rng(0)
    again = [_auc(draw.choice(above, len(above)), draw.choice(below, len(below))) for _ in range(RESAMPLES)]
    return bounded(_auc(above, below), np.asarray(again))


def best(outcomes: Sequence[Outcome], criterion: Criterion) -> AtThreshold:
    """Return the best threshold in hundredths; of equally good ones the lowest."""
    every = at_thresholds(outcomes, [step / 100 for step in range(101)])
    if criterion is Criterion.YOUDEN:
        return max(every, key=lambda each: (round(each.answered + each.abstained, 9), -each.threshold))
    return max((each for each in every if each.answered >= KEPT), key=lambda each: each.threshold)


def at_thresholds(outcomes: Sequence[Outcome], thresholds: Sequence[float] = _SHOWN) -> list[AtThreshold]:
    """Return what each threshold would do, by confidence alone."""
    known = np.asarray([each.confidence for each in outcomes if each.is_answerable])
    unknown = np.asarray([each.confidence for each in outcomes if not each.is_answerable])
    found: list[AtThreshold] = []
    for threshold in thresholds:
        withheld, rightly = int((known < threshold).sum()), int((unknown < threshold).sum())
        found.append(
            AtThreshold(
                threshold=threshold,
                answered=1 - withheld / len(known),
                abstained=rightly / len(unknown),
                precision=rightly / (rightly + withheld) if rightly + withheld else None,
            )
        )
    return found


def _precision(cells: Numbers) -> Numbers:
    """Return precision for each table of [answerable, answered] counts; NaN where nothing was withheld."""
    rightly, wrongly = cells[:, 0, 0], cells[:, 1, 0]
    return _ratio(rightly, rightly + wrongly)


def _f1(cells: Numbers) -> Numbers:
    rightly, wrongly, missed = cells[:, 0, 0], cells[:, 1, 0], cells[:, 0, 1]
    return _ratio(2 * rightly, 2 * rightly + wrongly + missed)


def _ratio(part: Numbers, whole: Numbers) -> Numbers:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _auc(positive: Numbers, negative: Numbers) -> float:
    order = np.sort(negative)
    below, upto = np.searchsorted(order, positive, "left"), np.searchsorted(order, positive, "right")
    return float((below + upto).mean() / (2 * len(order)))
