"""Every key and every check that Dagster shows is explained in docs/dagster.md, and nothing else is."""

import re
from pathlib import Path

from rag_assets.described import LAYERS, layer_metadata
from resources.ingestion.checking.promises import CHECKS, Tally
from resources.ingestion.counts import BlockTotals, Counts, RunReport

TEXT = (Path(__file__).parents[2] / "docs" / "dagster.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, str]:
    """Return the first two columns of the table whose first column is headed so."""
    table = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", table, re.MULTILINE))


def test_every_materialization_key_is_explained_for_its_assets() -> None:
    totals = BlockTotals(rows=1, files=1, bytes=1, arrivals=1)
    report = RunReport(
        collection="notes",
        partition=0,
        counts=Counts(),
        block=dict.fromkeys(LAYERS, totals),
        index="notes--1",
        yaml_differs="differs",
    )
    explained = rows("key")
    carried = {layer: set(layer_metadata(report, layer)) for layer in LAYERS}
    assert set().union(*carried.values()) == set(explained)
    for key, assets in explained.items():
        told = set(LAYERS) if assets.startswith("all") else set(assets.split(", "))
        assert told == {layer for layer in LAYERS if key in carried[layer]}, key


def test_numbers_are_numbers_so_that_they_plot() -> None:
    report = RunReport(collection="notes", partition=0, counts=Counts(), block={}, index="notes--1")
    for layer in LAYERS:
        for key, value in layer_metadata(report, layer).items():
            assert isinstance(value, int | float) or key == "index"
            assert isinstance(value, float) == key.endswith("_s") or key == "index", key


def test_every_check_and_its_keys_are_explained() -> None:
    assert {name: asset.strip() for name, asset in rows("check").items()} == {one.name: one.layer for one in CHECKS}
    assert set(rows("key of a check")) == {*Tally(check=CHECKS[0]).outcome().numbers, "examples"}
