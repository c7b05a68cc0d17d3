"""What rankings are worth: trec_eval's measures by ir-measures, and how sure one can be of them.

Confidence intervals are percentiles of the bootstrap over queries (Sakai, *Evaluating Evaluation Metrics Based on the
Bootstrap*, SIGIR 2006); two runs are compared by the same resamples, query by query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.retrieving import Run

MEASURES = ("ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr@10")
RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over queries with the bounds of its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def interval(self) -> list[float]:
        """Return the bounds as JSON."""
        return [round(self.low, 4), round(self.high, 4)]


Values = Mapping[str, Mapping[str, float]]
"""Value by query by measure."""


def measure(run: Run, grades: Mapping[str, Mapping[str, int]]) -> Values:
    """Return each measure's value for each judged query; a query that found nothing counts as 0."""
    import ir_measures
    from ir_measures import RR, R, nDCG

    asked = dict(zip(MEASURES, (nDCG @ 10, R @ 1, R @ 5, R @ 10, R @ 100, RR @ 10), strict=True))
    names = {str(measure): name for name, measure in asked.items()}
    values = {name: dict.fromkeys(grades, 0.0) for name in MEASURES}
    for each in ir_measures.iter_calc(
        list(asked.values()), grades, {query: dict(found) for query, found in run.items()}
    ):
        values[names[str(each.measure)]][each.query_id] = float(each.value)
    return values


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean with its interval; the same values give the same bounds."""
    given = np.asarray(values, np.float64)
    draw = np.random.default_rng(0)  # the same values always have the same interval
    means = [given[draw.integers(0, len(given), len(given))].mean() for _ in range(RESAMPLES)]
    return bounded(float(given.mean()), np.asarray(means))


def bounded(value: float, resampled: npt.NDArray[np.float64]) -> Estimate:
    """Return a value with the bounds that its resamples give it."""
    low, high = np.percentile(resampled, [50 * (1 - CONFIDENCE), 100 - 50 * (1 - CONFIDENCE)])
    return Estimate(mean=value, low=float(low), high=float(high))


def difference(values: Mapping[str, float], before: Mapping[str, float]) -> Estimate | None:
    """Return how much better ``values`` are, query by query; None unless both are over the same queries."""
    if not values or values.keys() != before.keys():
        return None
    return estimate([values[query] - before[query] for query in sorted(values)])
