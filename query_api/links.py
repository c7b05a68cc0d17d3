"""Links from an answer to the Dagster run that made it possible."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Links:
    """Where runs are shown; ``dagster_url`` is ``None`` where no webserver is known, and then there are no links."""

    dagster_url: str | None

    def run(self, run_id: str) -> str | None:
        """Return the address of a run's page."""
        if not run_id or self.dagster_url is None:
            return None
        return f"{self.dagster_url}/runs/{quote(run_id, safe='')}"
