"""A tick of a sweep, and what came of it told to the catalog: there lists, metrics and alerts find it."""

from contextlib import suppress
from typing import TYPE_CHECKING

from rag_core.collection import BucketSource
from rag_core.errors import RagError
from resources.clients.collection_files import LoadedCollection
from sensors.connections import open_sweep

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from sensors.sweep_tick import SweepTick


def accounted_tick(loaded: LoadedCollection, source: BucketSource, catalog: "Catalog") -> "SweepTick":
    """Sweep for a tick and note what came of it; raises what the sweep raises.

    A stop is no failure: it is shown where stops are, and waits for a person.
    """
    from sensors.source_stops import SourceStopped
    from sensors.sweep_tick import TickEnd

    names, interval_s = (loaded.collection.name, source.name), source.sweep.interval_s
    try:
        tick = open_sweep(loaded, source, catalog).tick()
    except SourceStopped:
        catalog.sources.note_tick(*names, interval_s=interval_s, is_complete=False)
        raise
    except Exception as error:
        # Of a defect only the type: its text may hold anything. The tick's page in the UI has all of it.
        is_ours = isinstance(error, RagError)
        reason = str(error) if is_ours else f"A defect: {type(error).__name__}; see the ticks of its sensor."
        with suppress(RagError):  # the catalog itself may be what is away
            catalog.sources.note_failed(*names, reason, interval_s=interval_s)
        raise
    if tick.end is not TickEnd.OVERTAKEN:
        catalog.sources.note_tick(*names, interval_s=interval_s, is_complete=tick.end is TickEnd.COMPLETE)
    return tick
