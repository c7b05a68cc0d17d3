"""The tables of docs/observability.md are what the code exports."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from query_api.observing import names
from query_api.observing.names import Metric
from query_api.observing.stages import Stage
from resources.ingestion.tracing import Step

DOCUMENT = Path(__file__).parents[2] / "docs" / "observability.md"


def table(metrics: Iterable[Metric]) -> str:
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.meaning} |"
        for metric in metrics
    ]
    return "\n".join(["| name | kind | labels | meaning |", "|---|---|---|---|", *rows]).replace("|  |", "| |")


@pytest.mark.parametrize(
    "metrics", [names.OF_THE_SERVICE, names.OF_THE_CATALOG, names.OF_THE_INDEX, names.OF_THE_PROCESS]
)
def test_every_metric_is_in_the_table(metrics: tuple[Metric, ...]) -> None:
    assert table(metrics) in DOCUMENT.read_text(), f"the table is:\n{table(metrics)}"


def test_every_stage_and_step_is_named() -> None:
    said = DOCUMENT.read_text()
    assert [each for each in (*Stage, *Step) if f"`{each}`" not in said] == []
    assert all(stage in names.STAGE_SECONDS.meaning for stage in Stage)
