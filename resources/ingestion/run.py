"""One run over one block of arrivals: the surface that Dagster's layer, the CLI and tests call."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rag_core.collection import Collection
from resources.ingestion.counts import ALL_LAYERS, Counts, RunReport


class IngestRun:
    """Takes the due arrivals of a claimed block through documents, chunks, embeddings and vectors."""

    def __init__(
        self,
        *,
        collection: Collection,
        catalog: Any,
        stores: Mapping[str, Any],
        sandbox_factory: Callable[[], Any],
        embedder_factory: Callable[[str], Any],  # by model name: the active index may still have another than the YAML
        writer: Any,
        parts: Any,
        run_id: str,
        code_version: str,
        passwords: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        layers: frozenset[str] = ALL_LAYERS,
        recompute: frozenset[str] = frozenset(),
        on_progress: Callable[[Counts], None] | None = None,
    ) -> None:
        raise NotImplementedError

    def process(self, claim: Any, *, reconcile: bool) -> RunReport:
        """Take the block's due arrivals (or, to reconcile, each document's newest arrival in it) through the layers."""
        raise NotImplementedError
