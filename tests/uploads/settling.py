"""What a run does to arrivals, written straight into the catalog."""

from collections.abc import Generator
from contextlib import contextmanager

from rag_core.arrivals import Arrival
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.index_spec import IndexSpec
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, Outcome, WriteRequest
from tests.uploads.conftest import COLLECTION

INDEX = "papers--0123"
SPEC = IndexSpec(model="m", model_identity="m@1", dimension=4, analyzer="a1")


class Run:
    """A run over block 0; while it is open, what it began is being processed."""

    def __init__(self, catalog: Catalog, claim: Claim) -> None:
        self._catalog = catalog
        self._claim = claim

    def due(self) -> list[Arrival]:
        """The newest arrival of each document that is due; older ones are superseded."""
        tasks = self._catalog.due.arrivals(self._claim, limit=2000)
        old = [task.arrival.number for task in tasks if task.newer_known]
        if old:
            self._catalog.due.supersede(self._claim, old)
        return [task.arrival for task in tasks if not task.newer_known]

    def begin(self, arrivals: list[Arrival]) -> None:
        self._catalog.due.begin(self._claim, [each.number for each in arrivals])

    def index(self, arrival: Arrival) -> None:
        outcome = Outcome(version=arrival.announced, parser="text/1", chunking="c", metadata_rules="m", chunks=1)
        request = WriteRequest(arrival=arrival.number, document_id=arrival.document_id)
        with self._catalog.writing.documents(self._claim, INDEX, [request]) as writing:
            writing.indexed(arrival.document_id, outcome)

    def quarantine(self, arrival: Arrival) -> None:
        rejected = DocumentRejected(QuarantineKind.NO_TEXT, "No text in it.", remedy="Run OCR over it.")
        request = WriteRequest(arrival=arrival.number, document_id=arrival.document_id)
        with self._catalog.writing.documents(self._claim, INDEX, [request]) as writing:
            writing.quarantined(arrival.document_id, rejected, tried_spec="s", removed=False)


@contextmanager
def a_run(catalog: Catalog, run_id: str = "run-1") -> Generator[Run]:
    catalog.indexes.register(COLLECTION, INDEX, SPEC)
    claim = catalog.claims.take(COLLECTION, 0, run_id=run_id, lease_s=600)
    assert isinstance(claim, Claim)
    try:
        yield Run(catalog, claim)
    finally:
        catalog.claims.release(claim)


def index_all(catalog: Catalog) -> None:
    """Index whatever is due."""
    with a_run(catalog) as run:
        for arrival in run.due():
            run.begin([arrival])
            run.index(arrival)
