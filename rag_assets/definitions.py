"""The composition root: collections in, Dagster definitions out. Dagster loads ``defs``."""

import dagster as dg

from rag_assets.collection_assets import build_collection_assets
from rag_assets.housekeeping import build_housekeeping_job, build_housekeeping_schedule
from rag_assets.jobs import build_ingest_job
from rag_assets.partitions import blocks_of
from resources.clients.collection_files import LoadedCollection, usable_collections
from resources.clients.settings import Settings, load_settings
from resources.ingestion_resource import IngestionResource
from resources.parquet_io_manager import ParquetPartsIOManager
from sensors import build_sensors
from sensors.broken_files_sensor import build_broken_files_sensor


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return assets, checks, jobs and sensors of every usable collection under ``settings.collections``.

    A broken collection file never stops the others; a sensor that stays red says what is wrong with it.
    """
    collections, problems = usable_collections(settings.collections)
    parts = [_definitions_of(loaded, settings) for loaded in collections]
    shared = dg.Definitions(
        resources={"ingestion": IngestionResource(), "parquet_parts": ParquetPartsIOManager()},
        executor=dg.in_process_executor,
        sensors=[build_broken_files_sensor(problems)] if problems else [],
    )
    return dg.Definitions.merge(shared, *parts)


def _definitions_of(loaded: LoadedCollection, settings: Settings) -> dg.Definitions:
    collection = loaded.collection
    blocks = blocks_of(collection.name)
    job = build_ingest_job(collection)
    keeping = build_housekeeping_job(collection, blocks)
    return dg.Definitions(
        assets=[build_collection_assets(collection, blocks, store=settings.vectors)],
        jobs=[job, keeping],
        schedules=[build_housekeeping_schedule(collection, keeping)],
        sensors=build_sensors(loaded, job=job, blocks=blocks),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load what the settings name; Dagster calls this when it loads the code location."""
    return build_definitions(load_settings())
