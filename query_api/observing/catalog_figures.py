"""The catalog's figures as metrics: looked up when somebody reads them, and kept for some seconds.

The look is bounded and rare: its result is kept for ``KEPT_S``, and for twenty times what it cost, so that a large
catalog spends at most a twentieth of one connection on being watched. A catalog that is away gives no figures.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from query_api.observing import names
from query_api.observing.names import Metric
from rag_core.errors import RagError
from rag_core.queued_answers import QueueFigures
from resources.clients.catalog.figures import CollectionFigures

KEPT_S = 5.0
_SHARE = 20
_log = logging.getLogger("query_api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at the catalog brings."""

    collections: Mapping[str, CollectionFigures]
    queue: QueueFigures


Read = Callable[[], Looked]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    looked: Looked | None
    at_s: float
    kept_s: float


class CatalogFigures:
    """Looks at the catalog for all who ask; of several at once one looks and the others wait for it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._last: _Kept | None = None

    def families(self, sees: Callable[[str], bool]) -> Iterator[Family]:
        """Yield the metrics of the collections that the reader ``sees``."""
        kept = self._kept()
        yield _gauge(names.CATALOG_UP, [((), float(kept.looked is not None))])
        if kept.looked is None:
            return
        yield _gauge(names.CATALOG_AGE, [((), time.monotonic() - kept.at_s)])
        queue = kept.looked.queue
        yield _gauge(names.QUEUED_ANSWERS, [(("queued",), queue.waiting), (("running",), queue.running)])
        yield _gauge(names.QUEUED_OLDEST, [((), queue.oldest_s)])
        yield _gauge(names.WEBHOOKS_WAITING, [((), queue.webhooks_waiting)])
        yield from _families({name: each for name, each in sorted(kept.looked.collections.items()) if sees(name)})

    def _kept(self) -> _Kept:
        with self._lock:
            last, began_s = self._last, time.monotonic()
            if last is not None and began_s - last.at_s < last.kept_s:
                return last
            try:
                looked = self._read()
            except RagError as error:
                _log.warning("No figures of the catalog: %s", error)
                looked = None
            ended_s = time.monotonic()
            self._last = _Kept(looked=looked, at_s=ended_s, kept_s=max(KEPT_S, _SHARE * (ended_s - began_s)))
            return self._last


def _families(seen: Mapping[str, CollectionFigures]) -> Iterator[Family]:
    yield _gauge(
        names.DOCUMENTS,
        [((name, state.value), number) for name, each in seen.items() for state, number in each.documents.items()],
    )
    yield _gauge(names.OLDEST_PENDING, [((name,), each.oldest_pending_s) for name, each in seen.items()])
    yield _searchable(seen)
    settled = CounterMetricFamily(names.SETTLED.name, names.SETTLED.meaning, labels=names.SETTLED.labels)
    for name, each in seen.items():
        for state, number in sorted(each.settled.items()):
            settled.add_metric((name, state), number)
    yield settled
    yield _gauge(
        names.DEAD_LETTERS,
        [((name, stream), number) for name, each in seen.items() for stream, number in each.dead_letters.items()],
    )
    yield _gauge(
        names.STREAM_LAG, [((name, *where), lag) for name, each in seen.items() for where, lag in each.lag.items()]
    )
    yield _gauge(names.OUTBOX_WAITING, [((name,), each.outbox) for name, each in seen.items()])
    yield _gauge(names.STOPPED_SOURCES, [((name,), each.stopped_sources) for name, each in seen.items()])


def _searchable(seen: Mapping[str, CollectionFigures]) -> Family:
    metric = names.SEARCHABLE_SECONDS
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for name, each in seen.items():
        buckets = [(str(bound), number) for bound, number in each.searchable.within.items()]
        family.add_metric((name,), [*buckets, ("+Inf", each.searchable.arrivals)], sum_value=each.searchable.seconds)
    return family


def _gauge(metric: Metric, values: list[tuple[tuple[str, ...], float]]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
