"""Asset checks: catalog rows, Parquet and points, compared after each run and whenever a person asks."""

from collections.abc import Iterator

import dagster as dg

from rag_assets.described import asset_key
from resources.ingestion.checking.promises import CHECKS, CheckOutcome


def check_specs(collection: str) -> list[dg.AssetCheckSpec]:
    """Return the checks of a collection's four assets, as the UI lists them."""
    return [
        dg.AssetCheckSpec(check.name, asset=asset_key(collection, check.layer), description=check.description)
        for check in CHECKS
    ]


def check_results(collection: str, outcomes: Iterator[CheckOutcome]) -> Iterator[dg.AssetCheckResult]:
    """Translate outcomes into what Dagster stores: passed or not, how bad, and the numbers behind it."""
    for outcome in outcomes:
        yield dg.AssetCheckResult(
            check_name=outcome.check.name,
            asset_key=asset_key(collection, outcome.check.layer),
            passed=outcome.passed,
            severity=dg.AssetCheckSeverity.WARN if outcome.check.only_warns else dg.AssetCheckSeverity.ERROR,
            description=outcome.summary,
            metadata={**outcome.numbers, **({"examples": list(outcome.examples)} if outcome.examples else {})},
        )
