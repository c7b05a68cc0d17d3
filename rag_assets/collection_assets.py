"""The four assets of one collection: one subsettable operation that streams a block through all selected layers.

One operation and not four, because it streams: a few documents at a time pass all layers, so memory is bounded, fresh
text is searchable before the block is done, and a document that killed its process can be processed alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from rag_assets.checks import check_results, check_specs
from rag_assets.described import LAYERS, asset_key, asset_specs, layer_metadata
from rag_assets.versions import code_version_of, code_versions_of
from rag_core.collection import Collection
from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.catalog.values import CLAIM_TAG
from resources.ingestion_resource import IngestionResource

RETRIES = dg.RetryPolicy(max_retries=5, delay=4, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

START_S = 30.0
"""How long a step may take to begin again once its delay is over; jitter at most doubles a delay."""


class IngestConfig(dg.Config):
    """What a person can ask of a run in the launchpad."""

    recompute: list[str] = Field(
        default=[],
        description="Layers to make again even where nothing changed: documents, chunks, embeddings, vectors.",
    )


def build_collection_assets(
    collection: Collection, partitions: dg.PartitionsDefinition[str], *, store: str
) -> dg.AssetsDefinition:
    """Return a collection's ``documents → chunks → embeddings → vectors``, partitioned by blocks of arrivals.

    ``store`` is what keeps the vectors, as Dagster shows it.
    """
    code_version = code_version_of(collection)

    @dg.multi_asset(
        name=f"ingest_{collection.name}",
        specs=asset_specs(collection, partitions, code_versions_of(collection), store=store),
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
        opened = ingestion.opened(
            collection.name, run_id=context.run.run_id, code_version=code_version, say=context.log.info
        )
        with _told_to_dagster(context), opened as work:
            if layers:
                report = work.ingest(
                    int(context.partition_key),
                    claim_number=_claim_number(context),
                    layers=layers,
                    recompute=frozenset(config.recompute),
                    tried_again_in_s=_tried_again_in_s(context.retry_number),
                )
                if report is None:
                    _end_without_claim(context)
                    return
                if report.claim_lost:
                    message = "Another run took the block over; what this run had begun is that run's work now."
                    raise dg.Failure(message, allow_retries=False)
                for layer in (layer for layer in LAYERS if layer in layers):
                    yield dg.MaterializeResult(
                        asset_key=asset_key(collection.name, layer), metadata=layer_metadata(report, layer)
                    )
            block = int(context.partition_key) if context.has_partition_key else None
            chosen = frozenset(key.name for key in context.selected_asset_check_keys)
            # A sensor's run may bring one arrival into a full block: it looks at what it touched, a person's at all.
            only_touched = bool(layers) and _claim_number(context) is not None
            yield from check_results(collection.name, work.check(block, chosen, only_touched=only_touched))

    return ingest


def _selected(context: dg.AssetExecutionContext, collection: str) -> frozenset[str]:
    return frozenset(layer for layer in LAYERS if asset_key(collection, layer) in context.selected_asset_keys)


def _claim_number(context: dg.AssetExecutionContext) -> int | None:
    """Return the claim that a sensor's run came with; a run that a person re-executes takes a claim of its own."""
    run = context.run
    number = run.tags.get(CLAIM_TAG)
    if run.parent_run_id is not None and "dagster/retry_number" not in run.tags:
        return None
    return None if number is None else int(number)


def _tried_again_in_s(retries: int) -> float | None:
    """Return within what time the step is tried again after its next failure; None when it is not."""
    if retries >= RETRIES.max_retries:
        return None
    return 2 * float(RETRIES.delay or 0) * 2**retries + START_S


def _end_without_claim(context: dg.AssetExecutionContext) -> None:
    """End quietly a run that came too late to begin; one that had begun and failed must not look like a success."""
    if context.retry_number:
        message = "This run failed before, as its first attempts say; the rest of its block is another run's work now."
        raise dg.Failure(message, allow_retries=False)


@contextmanager
def _told_to_dagster(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Translate errors: an outage is raised for the retry policy, anything else fails at once.

    What nobody foresaw would fail again the same way, and has been counted against the documents in work.
    """
    try:
        yield
    except DependencyUnavailable as outage:
        context.log.warning("%s is away, no attempt was spent: %s", outage.dependency, outage)
        raise
    except (dg.Failure, dg.RetryRequested):
        raise
    except RagError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except Exception as error:
        message = f"{type(error).__name__}: {error}. This is a defect, in the installation or in rag-assets."
        raise dg.Failure(description=message, allow_retries=False) from error
