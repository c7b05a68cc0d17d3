"""The service's own metrics, in a registry of one application."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from query_api.observing import names
from query_api.observing.names import Metric
from query_api.observing.stages import Stage
from rag_core.answering.extractive import Abstained

REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STAGE_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
FALLBACK_REASONS = ("outage", "uncited", "no_room")

_Made = TypeVar("_Made", bound=MetricWrapperBase)


class Metrics:
    """Counts and measures; every label that is known beforehand is exported from the start, as 0."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._made(Counter, names.REQUESTS)
        self.request_seconds = self._histogram(names.REQUEST_SECONDS, REQUEST_BUCKETS_S)
        self.in_progress = self._made(Gauge, names.IN_PROGRESS)
        self.rate_limited = self._made(Counter, names.RATE_LIMITED)
        stages = self._histogram(names.STAGE_SECONDS, STAGE_BUCKETS_S)
        self.stage_seconds = {stage: stages.labels(stage.value) for stage in Stage}
        self._writing = self._made(Gauge, names.MODEL_WRITING)
        self._waiting = self._made(Gauge, names.MODEL_WAITING)
        self.model_places = self._made(Gauge, names.MODEL_PLACES)
        self.model_refusals = self._made(Counter, names.MODEL_REFUSALS)
        tokens = self._made(Counter, names.TOKENS)
        self.prompt_tokens, self.completion_tokens = tokens.labels("prompt"), tokens.labels("completion")
        answers = self._made(Counter, names.ANSWERS)
        self.answers = {mode: answers.labels(mode) for mode in ("extractive", "model")}
        abstentions = self._made(Counter, names.ABSTENTIONS)
        self.abstentions = {reason: abstentions.labels(reason.value) for reason in Abstained}
        fallbacks = self._made(Counter, names.FALLBACKS)
        self.fallbacks = {because: fallbacks.labels(because) for because in FALLBACK_REASONS}
        self.answer_places = self._made(Gauge, names.ANSWER_PLACES)
        self._home_free = self._made(Gauge, names.HOME_FREE)
        self._home_size = self._made(Gauge, names.HOME_SIZE)

    def watch_home(self, home: Path) -> None:
        """Let the gauges of the disk look at the file system of a folder when they are read; NaN where it is none."""
        self._home_free.set_function(lambda: _usage(home)[0])
        self._home_size.set_function(lambda: _usage(home)[1])

    def watch_model(self, writing: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Let the gauges of the way to the model ask these when they are read."""
        self._writing.set_function(writing)
        self._waiting.set_function(waiting)

    def _made(self, kind: type[_Made], metric: Metric) -> _Made:
        return kind(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric, buckets_s: tuple[float, ...]) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=buckets_s, registry=self.registry)


def _usage(folder: Path) -> tuple[float, float]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return math.nan, math.nan
    return float(usage.free), float(usage.total)
