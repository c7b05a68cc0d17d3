"""What a benchmark finds: the named figures, the part that gives each, and what a part has measured of them."""

from dataclasses import dataclass, field
from typing import Any

KEYS = {
    "end_to_end_vs_encoder": "folder to searchable, in chunks/s of the raw encoder on the same chunks",
    "encoder_vs_sentence_transformers": "raw encoder, in chunks/s of sentence-transformers fp32",
    "freshness_s_p50": "seconds from file written to searchable, median",
    "freshness_s_p95": "seconds from file written to searchable, p95",
    "rerun_embedded": "chunks embedded by a re-run in which nothing changed",
    "rerun_written": "points written by it",
    "rerun_vs_first": "its seconds, in those of the first run",
    "one_edit_s": "seconds from one edit among many documents to searchable, median",
    "tick_s_100k_objects": "seconds of all ticks of a sweep over 100,000 unchanged objects",
    "run_peak_mb": "peak memory of a run with its parser processes, MB",
    "parse_pages_per_s": "PDF pages parsed in a second",
    "search_p50_vs_bare": "API latency of a search, in that of bare embedding and bare Qdrant",
    "load_errors": "requests of 32 clients in two minutes that failed",
    "load_growth_mb": "MB by which the API process grew meanwhile, after its first ten seconds",
    "kafka_records_vs_bare": "messages recorded in a second, bytes included, in those that bare kafka-python reads",
    "kafka_freshness_s_p50": "seconds from message produced to found, median",
    "kafka_freshness_s_p95": "seconds from message produced to found, p95",
}
"""The named figures, in the order of the table."""

PARTS = {
    "parsing": ("parse_pages_per_s",),
    "ingestion": ("end_to_end_vs_encoder", "run_peak_mb"),
    "rerun": ("rerun_embedded", "rerun_written", "rerun_vs_first"),
    "search": ("search_p50_vs_bare",),
    "load": ("load_errors", "load_growth_mb"),
    "freshness": ("freshness_s_p50", "freshness_s_p95"),
    "encoder": ("encoder_vs_sentence_transformers",),
    "kafka": ("kafka_records_vs_bare", "kafka_freshness_s_p50", "kafka_freshness_s_p95"),
    "edit": ("one_edit_s",),
    "ticks": ("tick_s_100k_objects",),
}
"""The parts in the order in which they are measured, with the figures that each one gives."""

NOT_ASKED = "its part was not asked for"
Value = float | int | None


@dataclass(slots=True, kw_only=True)
class Found:
    """One part's figures as they are measured; ``details`` are further rows of the table, by section."""

    part: str
    values: dict[str, Value] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    details: dict[str, dict[str, Value | str]] = field(default_factory=dict)
    seconds: float = 0.0
    at: str = ""

    def set(self, key: str, value: Value) -> None:
        """Record a named figure of this part."""
        if key not in PARTS[self.part]:
            raise KeyError(key)
        self.values[key] = _rounded(value)
        self.reasons.pop(key, None)

    def miss(self, key: str, reason: str) -> None:
        """Say why a named figure was not measured."""
        self.values.pop(key, None)
        self.reasons[key] = reason

    def miss_all(self, reason: str) -> None:
        """Say why the figures that have no value have none."""
        for key in PARTS[self.part]:
            if key not in self.values:
                self.miss(key, reason)

    def tell(self, section: str, **numbers: Value | str) -> None:
        """Add rows to a section of the table."""
        rounded = {name: _rounded(value) for name, value in numbers.items()}
        self.details.setdefault(section, {}).update(rounded)


def _rounded(value: Value | str) -> Any:
    return round(value, 4) if isinstance(value, float) else value
