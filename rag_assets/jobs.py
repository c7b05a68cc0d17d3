"""The jobs that sensors launch: one for each collection, a block a run, all four layers in one process."""

from typing import TYPE_CHECKING

import dagster as dg

from rag_assets.described import LAYERS, asset_key
from rag_core.collection import Collection
from rag_core.planning import COLLECTION_TAG, job_name
from rag_core.run_places import run_tags

if TYPE_CHECKING:
    # What `define_asset_job` returns has no public name; only the type checker looks at this one.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_ingest_job(collection: Collection) -> "UnresolvedAssetJobDefinition":
    """Return the job that ingests a block of a collection."""
    return dg.define_asset_job(
        name=job_name(collection.name),
        selection=dg.AssetSelection.assets(*(asset_key(collection.name, layer) for layer in LAYERS)),
        executor_def=dg.in_process_executor,
        description=f"Documents, chunks, embeddings and vectors of one block of {collection.name}.",
        tags={COLLECTION_TAG: collection.name, **run_tags(collection.runs)},
    )
