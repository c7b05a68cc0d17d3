"""What tests of sweeps do to a folder, and ask of the catalog."""

from pathlib import Path

from resources.clients.catalog import Catalog
from sensors.sweep import SourceSweep
from sensors.sweep_tick import SweepTick, TickEnd


def write(root: Path, *keys: str) -> None:
    """Write files that contain their own key."""
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(key)


def complete(sweep: SourceSweep) -> SweepTick:
    """Sweep to the end; return the last tick."""
    while (tick := sweep.tick()).end is not TickEnd.COMPLETE:
        assert tick.end is TickEnd.UNDER_WAY
    return tick


def known(catalog: Catalog) -> list[str]:
    """Return the keys that the catalog has of the source."""
    return [row.key for row in catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=10_000)]
