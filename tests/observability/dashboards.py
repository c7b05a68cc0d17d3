"""The expressions of the dashboards, as Prometheus gets them from Grafana."""

import json
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy" / "observability" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))


def expressions(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with each of its expressions."""
    for panel in json.loads(file.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def filled_in(expression: str, *, rate: str = "5m") -> str:
    """Return an expression with what Grafana puts in for its variables."""
    return expression.replace("$__rate_interval", rate).replace("$collection", ".*")
