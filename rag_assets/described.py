"""What Dagster's UI says about the four assets of a collection: names, descriptions, kinds, columns."""

from typing import Any

import dagster as dg

from rag_core.collection import Collection
from rag_core.rows import COLUMNS, Column
from resources.ingestion.counts import RunReport

LAYERS = ("documents", "chunks", "embeddings", "vectors")

_DESCRIPTIONS = {
    "documents": "Text, pages, headings and metadata of each document, as parsed; one row a document version.",
    "chunks": "Passages cut from the documents, with character spans, pages and heading path; one row a chunk.",
    "embeddings": "Dense and sparse vectors of the chunks; unchanged texts keep their vectors; one row a chunk.",
    "vectors": "Points in the vector index that answer questions, equal to the newest version of every document.",
}
_KINDS = {
    "documents": {"parquet", "python"},
    "chunks": {"parquet", "python"},
    "embeddings": {"parquet", "openvino"},
}


def asset_key(collection: str, layer: str) -> dg.AssetKey:
    """Return the key of one layer of a collection, ``<collection>/<layer>``."""
    return dg.AssetKey([collection, layer])


def asset_specs(
    collection: Collection, partitions: dg.PartitionsDefinition[str], code_versions: dict[str, str], *, store: str
) -> list[dg.AssetSpec]:
    """Return the four layers as Dagster shows them; each depends on the one before it, the last lies in ``store``."""
    return [
        dg.AssetSpec(
            asset_key(collection.name, layer),
            deps=[asset_key(collection.name, LAYERS[place - 1])] if place else [],
            description=f"{_DESCRIPTIONS[layer]}\n\n{collection.description}".strip(),
            group_name=collection.name,
            owners=list(collection.owners),
            kinds=_KINDS.get(layer, {store}),
            code_version=code_versions[layer],
            partitions_def=partitions,
            skippable=True,
            metadata=_static_metadata(collection, layer),
        ).with_io_manager_key("parquet_parts")
        for place, layer in enumerate(LAYERS)
    ]


def layer_metadata(report: RunReport, layer: str) -> dict[str, Any]:
    """Return what a materialization carries: plain numbers that plot, and in ``vectors`` where the points are.

    Every key is explained in docs/dagster.md.
    """
    known: dict[str, Any] = dict(report.metadata(layer))
    if layer in report.block:
        known["dagster/row_count"] = report.block[layer].rows
    if layer == "vectors":
        # Points rest in no file of ours.
        known = {key: value for key, value in known.items() if key not in {"block_files", "block_bytes"}}
        known |= {
            "run_total_s": round(report.counts.total_s, 3),
            "run_lost_documents": report.lost_documents,
            "run_remaining_due": report.remaining_due,
            "index": report.index,
        }
    if report.yaml_differs:
        known["yaml_differs"] = dg.MetadataValue.text(report.yaml_differs)
    return known


def _static_metadata(collection: Collection, layer: str) -> dict[str, object]:
    known: dict[str, object] = {"embedding_model": collection.embedding.model} if layer == "embeddings" else {}
    columns = COLUMNS.get(layer)
    if columns is not None:
        schema = dg.TableSchema(columns=[_column(column) for column in columns])
        known["dagster/column_schema"] = schema
    return known


def _column(column: Column) -> dg.TableColumn:
    constraints = dg.TableColumnConstraints(nullable=column.optional)
    return dg.TableColumn(column.name, column.type, description=column.description, constraints=constraints)
