"""Due work of a claimed block, and what becomes of an arrival that is not written."""

from collections.abc import Sequence

from rag_core.errors import DocumentRejected, DocumentUnavailable
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Claim, DueArrival, DueFilter, ProcessingSpec


class Due:
    """Every method that takes a claim touches only arrivals that this claim has begun."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def arrivals(self, claim: Claim, *, limit: int) -> list[DueArrival]:
        """Return due arrivals of the block by number, suspects (``alone``) behind all others."""
        raise NotImplementedError

    def newest_in_block(self, collection: str, partition: int) -> list[DueArrival]:
        """Return the block's arrivals that are their document's newest, due or not, for reconciliation."""
        raise NotImplementedError

    def begin(self, claim: Claim, numbers: Sequence[int], *, reconcile: bool = False) -> list[int]:
        """Count an attempt of each and mark them processing, committed on return; return those really begun.

        Only due ones are begun; with ``reconcile`` settled ones too. Raises ``ClaimLost`` when the block is another
        run's, ``InvalidRequest`` when a suspect would not be alone.
        """
        raise NotImplementedError

    def retry_later(self, claim: Claim, number: int, error: DocumentUnavailable, *, max_attempts: int) -> bool:
        """Make it due again after a growing delay; False when attempts are exhausted and it is quarantined."""
        raise NotImplementedError

    def quarantine(self, claim: Claim, number: int, rejected: DocumentRejected, *, tried: ProcessingSpec) -> None:
        """Settle it as quarantined; the last good version goes on answering, shown as stale.

        To remove that one as well (``on_quarantine: remove``) use ``writing.documents`` and ``quarantined`` instead.
        If a dead run left a write open, it is due again at once with ``reconcile`` and state quarantined.
        """
        raise NotImplementedError

    def supersede(self, claim: Claim, numbers: Sequence[int]) -> int:
        """Settle as superseded those of ``numbers`` (due or begun) of which something newer is known; return how many."""
        raise NotImplementedError

    def give_back(self, claim: Claim, numbers: Sequence[int]) -> None:
        """Make begun arrivals due at once and take back the counted attempt: a whole dependency is away."""
        raise NotImplementedError

    def stay_due(self, claim: Claim, numbers: Sequence[int], *, delay_s: float = 1.0) -> None:
        """Make begun arrivals due again soon: the object changed while it was read."""
        raise NotImplementedError

    def has_work(self, collection: str) -> bool:
        """Say whether ``claims.request`` would find anything now."""
        raise NotImplementedError

    def make_due(self, collection: str, which: Sequence[int] | DueFilter, *, reason: str, limit: int = 10_000) -> int:
        """Make newest arrivals due again at once, attempts at 0; return how many. Crashes stay counted."""
        raise NotImplementedError

    def make_due_where_spec_differs(
        self, collection: str, index_name: str, spec: ProcessingSpec, *, limit: int = 1000
    ) -> int:
        """Make up to ``limit`` documents due whose text or metadata another spec made; call until it returns 0.

        Each is asked for once a spec: a document that then fails is not asked for again. Quarantined ones are tried
        again under a new spec too.
        """
        raise NotImplementedError
