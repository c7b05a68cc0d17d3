"""What an expression of Prometheus asks for, series and labels; of the grammar as much as ours need."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from query_api.observing import names
from query_api.observing.names import Kind

_NAME = r"[a-zA-Z_:][\w:]*"
_WORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "by", "on", "without", "ignoring", "group_left", "group_right"}
)
_LISTS = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(rf"({_NAME})\s*\{{([^}}]*)\}}")
_MATCHER = re.compile(rf"\s*({_NAME})\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")

TARGET_LABELS = frozenset({"instance", "job"})
FOREIGN = {
    "up": TARGET_LABELS,
    "kubelet_volume_stats_available_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
    "kubelet_volume_stats_capacity_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
}
"""What Prometheus itself and the kubelet say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One series that an expression reads."""

    name: str
    matched: dict[str, str] = field(default_factory=dict[str, str])


def exported_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every series that our processes export."""
    labels = {
        series: frozenset(metric.labels) | TARGET_LABELS | ({"le"} if metric.kind is Kind.HISTOGRAM else frozenset())
        for metric in names.EVERY_METRIC
        for series in metric.series
    }
    return labels | FOREIGN


def asked_by(expression: str) -> Iterator[Asked]:
    """Yield the series that an expression reads."""
    for name, matchers in _SELECTOR.findall(expression):
        yield Asked(name=name, matched={label: value for label, _, value in _MATCHER.findall(matchers)})
    rest = _SELECTOR.sub(" ", expression)
    rest = re.sub(r"\"[^\"]*\"|\[[^\]]*\]", " ", rest)
    rest = _LISTS.sub(" ", rest)
    for found in re.finditer(rf"(?<![\w:.]){_NAME}(?!\s*\()(?![\w:])", rest):
        if found[0] not in _WORDS:
            yield Asked(name=found[0])


def grouped_by(expression: str) -> set[str]:
    """Return the labels by which an expression groups or joins."""
    return {label.strip() for listed in _LISTS.findall(expression) for label in listed.split(",") if label.strip()}


def faults(expression: str, recorded: frozenset[str] = frozenset()) -> list[str]:
    """Say what an expression reads that nobody exports or records."""
    known = exported_labels()
    found: list[str] = []
    for asked in asked_by(expression):
        if asked.name in recorded:
            continue
        if asked.name not in known:
            found.append(f"nobody exports {asked.name}")
        found += [
            f"{asked.name} has no label {label}" for label in asked.matched if label not in known.get(asked.name, ())
        ]
        if (
            asked.name.startswith("rag_")
            and asked.name.endswith("_bucket")
            and asked.matched.get("le", "") not in _bounds(asked.name)
        ):
            found.append(f"{asked.name} has no bucket {asked.matched['le']}")
    every = frozenset[str]().union(*known.values())
    return found + [f"nothing has the label {label}" for label in grouped_by(expression) if label not in every]


def _bounds(series: str) -> frozenset[str]:
    from query_api.observing.metrics import REQUEST_BUCKETS_S, STAGE_BUCKETS_S
    from resources.clients.catalog.tallies import BOUNDS_S

    buckets = {
        names.SEARCHABLE_SECONDS.name: BOUNDS_S,
        names.REQUEST_SECONDS.name: REQUEST_BUCKETS_S,
        names.STAGE_SECONDS.name: STAGE_BUCKETS_S,
    }[series.removesuffix("_bucket")]
    return frozenset({"", "+Inf", *map(str, buckets)})
