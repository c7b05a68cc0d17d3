"""Metrics that are no counters of this process: made anew whenever somebody reads them."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from query_api.observing.names import Metric


def gauge(metric: Metric, values: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """Return a gauge with these values by their labels."""
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
