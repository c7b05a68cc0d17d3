"""Prometheus' text format, for one reader."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(own: CollectorRegistry, more: Iterable[Family]) -> bytes:
    """Return the metrics of a registry and some more as text."""
    return generate_latest(as_exported(own, more))


def as_exported(own: CollectorRegistry, more: Iterable[Family] = ()) -> CollectorRegistry:
    """Return what exports the metrics of a registry, as they are when they are looked at, and some more."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Both(own, more))
    return registry


class _Both(Collector):
    def __init__(self, own: CollectorRegistry, more: Iterable[Family]) -> None:
        self._own = own
        self._more = more

    def collect(self) -> Iterator[Family]:
        """Yield all families, without the times at which their counters began: nobody here asks for them."""
        for families in (self._own.collect(), self._more):
            for family in families:
                family.samples = [each for each in family.samples if not each.name.endswith("_created")]
                yield family
