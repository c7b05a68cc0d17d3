"""What a block amounts to, from the catalog's rows alone."""

from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim
from resources.ingestion.counts import BlockTotals, Layer


def block_totals(catalog: Catalog, claim: Claim) -> dict[str, BlockTotals]:
    """Return what each layer of a block amounts to, all runs together."""
    totals: dict[str, BlockTotals] = {}
    files = catalog.parts.of_block(claim.collection, claim.partition)
    for asset in (Layer.DOCUMENTS, Layer.CHUNKS, Layer.EMBEDDINGS):
        own = [file for file in files if file.asset == asset]
        totals[asset] = BlockTotals(
            rows=sum(file.rows for file in own),
            files=len(own),
            bytes=sum(file.bytes for file in own),
            arrivals=sum(file.arrivals for file in own),
        )
    indexed = catalog.queries.indexed_in_block(claim.collection, claim.partition)
    totals[Layer.VECTORS] = BlockTotals(
        rows=sum(document.chunks for document in indexed), files=0, bytes=0, arrivals=len(indexed)
    )
    return totals
