"""The sensor that sweeps one source: a bounded tick each time, and a sentence about what it saw."""

import dagster as dg

from rag_core.collection import BucketSource
from resources.clients.collection_files import LoadedCollection
from sensors.connections import OpenCatalog, shared_catalog
from sensors.sweep_account import accounted_tick

MINIMUM_INTERVAL_S = 4
"""Dagster's daemon looks every 5 s; a minimum of 5 would make it every 10."""


def build_bucket_sensor(
    loaded: LoadedCollection,
    source: BucketSource,
    *,
    minimum_interval_s: int = MINIMUM_INTERVAL_S,
    open_catalog: OpenCatalog = shared_catalog,
) -> dg.SensorDefinition:
    """Return the sensor ``sweep_<collection>_<source>``; it records and asks for nothing, the due-work sensor does."""
    collection = loaded.collection

    @dg.sensor(
        name=f"sweep_{collection.name}_{source.name}",
        minimum_interval_seconds=minimum_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for new, changed and deleted documents in {source.url} and records them in the catalog. "
        "It fails while the source waits for a person.",
        tags={"rag/collection": collection.name},
    )
    def sweep() -> dg.SkipReason:
        from sensors.source_stops import stopped_error

        tick = accounted_tick(loaded, source, open_catalog())
        if tick.stops:
            raise stopped_error(list(tick.stops))
        return dg.SkipReason(tick.described())

    return sweep
