"""``python -m deploy.observability.dashboards``: write both dashboards beside this file, as Grafana takes them."""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.observability.dashboards.answers import answers
from deploy.observability.dashboards.ingestion import ingestion

FOLDER = Path(__file__).parent
DASHBOARDS = {"ingestion.json": ingestion, "answers.json": answers}


def written() -> dict[str, str]:
    """Return the text of every file by its name; the same code gives the same bytes."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {name: f"{encoder.encode(_numbered(make().build()))}\n" for name, make in DASHBOARDS.items()}


def _numbered(board: Dashboard) -> Dashboard:
    """Give each panel an id of its own; the builder leaves them out, and gives all rows the same."""
    for number, panel in enumerate(board.panels or (), start=1):
        panel.id_val = number
    return board


if __name__ == "__main__":
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
