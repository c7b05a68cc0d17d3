"""The catalog's figures as metrics: looked up when somebody reads them, rarely. A catalog that is away gives none."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from query_api.observing import names
from query_api.observing.families import gauge
from query_api.observing.rarely import Rarely
from rag_core.arrivals import ArrivalState
from rag_core.queued_answers import QueueFigures
from resources.clients.catalog.figures import CollectionFigures

_OPEN = frozenset({ArrivalState.PENDING, ArrivalState.PROCESSING, ArrivalState.RETRYING})
_NOTHING_SETTLED = {state.value: 0 for state in ArrivalState if state not in _OPEN}
"""Exported from the start: a counter that appears with its first outcome hides it from ``increase``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at the catalog brings."""

    collections: Mapping[str, CollectionFigures]
    queue: QueueFigures
    backup_age_s: float | None = None
    """None before the first backup."""


Read = Callable[[], Looked]


class CatalogFigures:
    """Looks at the catalog for all who ask."""

    def __init__(self, read: Read) -> None:
        self._looks = Rarely(read, what="the catalog")

    def families(self, sees: Callable[[str], bool]) -> Iterator[Family]:
        """Yield the metrics of the collections that the reader ``sees``."""
        look = self._looks.look()
        yield gauge(names.CATALOG_UP, [((), float(look.found is not None))])
        if look.found is None:
            return
        yield gauge(names.CATALOG_AGE, [((), look.age_s)])
        queue = look.found.queue
        yield gauge(names.QUEUED_ANSWERS, [(("queued",), queue.waiting), (("running",), queue.running)])
        yield gauge(names.QUEUED_OLDEST, [((), queue.oldest_s)])
        yield gauge(names.WEBHOOKS_WAITING, [((), queue.webhooks_waiting)])
        if look.found.backup_age_s is not None:
            yield gauge(names.BACKUP_AGE, [((), look.found.backup_age_s)])
        yield from _families({name: each for name, each in sorted(look.found.collections.items()) if sees(name)})


def _families(seen: Mapping[str, CollectionFigures]) -> Iterator[Family]:
    yield gauge(
        names.DOCUMENTS,
        [((name, state.value), number) for name, each in seen.items() for state, number in each.documents.items()],
    )
    yield gauge(names.OLDEST_PENDING, [((name,), each.oldest_pending_s) for name, each in seen.items()])
    yield _searchable(seen)
    settled = CounterMetricFamily(names.SETTLED.name, names.SETTLED.meaning, labels=names.SETTLED.labels)
    for name, each in seen.items():
        for state, number in sorted((_NOTHING_SETTLED | each.settled).items()):
            settled.add_metric((name, state), number)
    yield settled
    yield gauge(
        names.DEAD_LETTERS,
        [((name, stream), number) for name, each in seen.items() for stream, number in each.dead_letters.items()],
    )
    yield gauge(
        names.STREAM_LAG, [((name, *where), lag) for name, each in seen.items() for where, lag in each.lag.items()]
    )
    yield gauge(
        names.QUEUE_WAITING,
        [((name, source), number) for name, each in seen.items() for source, number in each.queued.items()],
    )
    yield gauge(
        names.QUEUE_READ_AGE,
        [((name, source), age_s) for name, each in seen.items() for source, age_s in each.queue_read_age_s.items()],
    )
    yield gauge(
        names.SWEEP_AGE,
        [((name, source), age_s) for name, each in seen.items() for source, age_s in each.sweep_age_s.items()],
    )
    yield gauge(
        names.SWEEP_OVERDUE,
        [((name, source), late_s) for name, each in seen.items() for source, late_s in each.sweep_overdue_s.items()],
    )
    yield gauge(names.OUTBOX_WAITING, [((name,), each.outbox) for name, each in seen.items()])
    yield gauge(names.STOPPED_SOURCES, [((name,), each.stopped_sources) for name, each in seen.items()])
    yield gauge(names.CATALOG_POINTS, [((name,), each.points) for name, each in seen.items()])


def _searchable(seen: Mapping[str, CollectionFigures]) -> Family:
    metric = names.SEARCHABLE_SECONDS
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for name, each in seen.items():
        buckets = [(str(bound), number) for bound, number in each.searchable.within.items()]
        family.add_metric((name,), [*buckets, ("+Inf", each.searchable.arrivals)], sum_value=each.searchable.seconds)
    return family
