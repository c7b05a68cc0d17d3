"""Spans of a run's documents, each in the trace of what recorded it: the upload's request, the message's producer.

A document's spans are ``recorded`` (a moment), ``claimed`` (until a run began it), ``parsed``, ``chunked``,
``embedded`` and ``written``; those of work on several documents at once are as long as that work. Each is a child of
the traceparent that its arrival brought, so nothing is lost with a run that dies, and an arrival without one has none:
a sweep of a million files makes no million traces. The run's own span joins that trace where all its documents came
with one and the same; else it begins a trace and links to theirs.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum

from rag_core.traces import Attributes, Traces
from resources.clients.catalog.values import Claim, DueArrival

MAX_LINKS = 32


class Step(StrEnum):
    """What became of a document, as its spans are called."""

    RECORDED = "recorded"
    CLAIMED = "claimed"
    PARSED = "parsed"
    CHUNKED = "chunked"
    EMBEDDED = "embedded"
    WRITTEN = "written"


class DocumentSpans:
    """The spans of one run; threads may share it."""

    def __init__(self, traces: Traces, claim: Claim) -> None:
        self._traces = traces
        self._claim = claim
        self._began_ns = time.time_ns()
        self._met: dict[str, None] = {}
        self._without = False
        self._lock = threading.Lock()

    def begun(self, tasks: Iterable[DueArrival]) -> None:
        """Say that the run has begun with these."""
        if not self._traces.is_on:
            return
        now_ns = time.time_ns()
        for task in tasks:
            parent = _parent_of(task)
            with self._lock:
                self._without = self._without or not parent
                if parent and len(self._met) <= MAX_LINKS:
                    self._met[parent] = None
            if parent:
                recorded_ns = round(task.arrival.recorded_at.timestamp() * 1e9)
                if not task.arrival.attempts:
                    self._add(Step.RECORDED, task, recorded_ns, recorded_ns)
                self._add(Step.CLAIMED, task, recorded_ns, now_ns)

    @contextmanager
    def step(self, step: Step, tasks: Sequence[DueArrival]) -> Iterator[None]:
        """Give each of these a span as long as the block; a failed one where an exception leaves it."""
        traced = [task for task in tasks if _parent_of(task)] if self._traces.is_on else []
        if not traced:
            yield
            return
        began_ns, failed = time.time_ns(), True
        try:
            yield
            failed = False
        finally:
            ended_ns = time.time_ns()
            for task in traced:
                self._add(step, task, began_ns, ended_ns, {"rag.documents": len(tasks)}, failed=failed)

    def ended(self, *, arrivals: int) -> None:
        """Add the run's own span."""
        if not self._traces.is_on:
            return
        met = list(self._met)
        is_one = len(met) == 1 and not self._without
        self._traces.add(
            "run",
            start_ns=self._began_ns,
            end_ns=time.time_ns(),
            parent=met[0] if is_one else "",
            links=() if is_one else met[:MAX_LINKS],
            attributes={**self._of_the_run(), "rag.arrivals": arrivals},
        )

    def _add(
        self,
        step: Step,
        task: DueArrival,
        start_ns: int,
        end_ns: int,
        more: Attributes | None = None,
        *,
        failed: bool = False,
    ) -> None:
        self._traces.add(
            step.value,
            start_ns=start_ns,
            end_ns=end_ns,
            parent=task.arrival.traceparent,
            attributes={
                **self._of_the_run(),
                "rag.arrival": task.arrival.number,
                "rag.document_id": str(task.arrival.document_id),
                **(more or {}),
            },
            failed=failed,
        )

    def _of_the_run(self) -> Mapping[str, str | int]:
        return {
            "rag.collection": self._claim.collection,
            "rag.partition": self._claim.partition,
            "rag.run_id": self._claim.run_id,
        }


def _parent_of(task: DueArrival) -> str:
    """Return the trace a document belongs to; none once it was searchable: later work on it is nobody's request."""
    was_there = task.indexed_arrival is not None and task.indexed_arrival >= task.arrival.number
    return "" if was_there else task.arrival.traceparent
