"""The four assets of one collection: one subsettable operation that streams a block through all selected layers.

One operation and not four, because it streams: a few documents at a time pass all layers, so memory is bounded, fresh
text is searchable before the block is done, and a document that killed its process can be processed alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from rag_assets.checks import check_results, check_specs
from rag_assets.described import LAYERS, asset_key, asset_specs
from rag_core.collection import Collection
from rag_core.errors import DependencyUnavailable, RagError
from resources.ingestion_resource import IngestionResource
from sensors.tags import CLAIM_TAG

RETRIES = dg.RetryPolicy(max_retries=5, delay=4, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


class IngestConfig(dg.Config):
    """What a person can ask of a run in the launchpad."""

    recompute: list[str] = Field(
        default=[], description="Layers to make again even where nothing changed: documents, chunks, embeddings."
    )


def build_collection_assets(
    collection: Collection, partitions: dg.PartitionsDefinition[str], code_versions: dict[str, str]
) -> dg.AssetsDefinition:
    """Return a collection's ``documents → chunks → embeddings → vectors``, partitioned by blocks of arrivals."""

    @dg.multi_asset(
        name=f"ingest_{collection.name}",
        specs=asset_specs(collection, partitions, code_versions),
        check_specs=check_specs(collection.name),
        can_subset=True,
        retry_policy=RETRIES,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    )
    def ingest(
        context: dg.AssetExecutionContext, config: IngestConfig, ingestion: IngestionResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Take the block's due arrivals through the selected layers, then compare catalog, Parquet and index."""
        layers = _selected(context, collection.name)
        with _told_to_dagster(context), ingestion.opened(collection.name, run_id=context.run.run_id) as block_work:
            if layers:
                report = block_work.ingest(
                    int(context.partition_key),
                    claim_number=_claim_number(context),
                    layers=layers,
                    recompute=frozenset(config.recompute),
                    on_progress=_logged(context),
                )
                for layer in (layer for layer in LAYERS if layer in layers):
                    yield dg.MaterializeResult(asset_key=asset_key(collection.name, layer), metadata=report.metadata(layer))
            block = int(context.partition_key) if context.has_partition_key else None
            chosen = frozenset(check.name for check in context.selected_asset_check_keys)
            yield from check_results(collection.name, block_work.check(block, chosen))

    return ingest


def _selected(context: dg.AssetExecutionContext, collection: str) -> frozenset[str]:
    return frozenset(layer for layer in LAYERS if asset_key(collection, layer) in context.selected_asset_keys)


def _claim_number(context: dg.AssetExecutionContext) -> int | None:
    number = context.run.tags.get(CLAIM_TAG)
    return None if number is None else int(number)


def _logged(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    return context.log.info


@contextmanager
def _told_to_dagster(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Translate our errors: an outage is raised for the retry policy, anything else of ours fails without a retry."""
    try:
        yield
    except DependencyUnavailable as outage:
        context.log.warning(f"{outage.dependency} is away, no attempt was spent: {outage}")
        raise
    except RagError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
