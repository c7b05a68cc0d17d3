"""What the parts of the API tell of themselves: one object for counting, measuring and spans."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal

from prometheus_client import Histogram

from query_api.answering.asking import Answered
from query_api.answering.model_lane import ModelLane
from query_api.observing.metrics import Metrics
from query_api.observing.stages import Stage
from rag_core.traces import NO_TRACES, Span, Traces

FellBackBecause = Literal["outage", "uncited", "no_room"]


class Telemetry:
    """Metrics of one application, and its spans where they are kept."""

    def __init__(self, traces: Traces = NO_TRACES) -> None:
        self.metrics = Metrics()
        self.traces = traces

    def stage(self, stage: Stage) -> AbstractContextManager[object]:
        """Measure a stage for as long as the block lasts, as a span where spans are kept."""
        span = self.traces.span(stage.value) if self.traces.is_on else None
        return _Timed(self.metrics.stage_seconds[stage], span)

    def first_token(self, seconds: float) -> None:
        """Say how long the model took to write its first piece."""
        self.metrics.stage_seconds[Stage.FIRST_TOKEN].observe(seconds)

    def answered(self, answered: Answered) -> None:
        """Count an answer, what it cost, and why there is none."""
        metrics = self.metrics
        metrics.answers[answered.generation.mode].inc()
        if answered.reason is not None:
            metrics.abstentions[answered.reason].inc()
        metrics.prompt_tokens.inc(answered.usage.prompt_tokens)
        metrics.completion_tokens.inc(answered.usage.completion_tokens)

    def fell_back(self, because: FellBackBecause) -> None:
        """Count an answer by quotation where a model was wanted."""
        self.metrics.fallbacks[because].inc()

    def watch(self, lane: ModelLane) -> None:
        """Show how full the way to the model is, whenever somebody looks, and count whom it refuses."""
        self.metrics.model_places.set(lane.places)
        self.metrics.watch_model(lambda: lane.writing, lambda: lane.waiting)
        lane.on_refusal = self.metrics.model_refusals.inc


class _Timed:
    """Observes how long its block took; written out, because every search enters four of them."""

    __slots__ = ("_began_s", "_histogram", "_span")

    def __init__(self, histogram: Histogram, span: AbstractContextManager[Span] | None) -> None:
        self._histogram = histogram
        self._span = span
        self._began_s = 0.0

    def __enter__(self) -> None:
        if self._span is not None:
            self._span.__enter__()
        self._began_s = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._histogram.observe(time.perf_counter() - self._began_s)
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)
