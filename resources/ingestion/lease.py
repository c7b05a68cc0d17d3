"""The run's lease on its block, renewed from a thread of its own while the work goes on."""

import logging
import threading
import time
from types import TracebackType
from typing import Protocol, Self

from rag_core.errors import DependencyUnavailable
from resources.clients.catalog.values import Claim, ClaimLost

_log = logging.getLogger(__name__)


class ClaimRenewal(Protocol):
    """Extends claims; False when the block is another run's by now."""

    def renew(self, claim: Claim, *, lease_s: float) -> bool:
        """Extend the lease."""
        ...


class LeaseKeeper:
    """Renews a claim every third of its lease while the ``with`` block lasts; ``check`` tells whether it still holds.

    A catalog that is away is not a lost claim: when it is back and nobody took the block, the run goes on. But a lease
    that has run out proves nothing any more, so ``check`` renews it before it says yes.
    """

    def __init__(self, claims: ClaimRenewal, claim: Claim, *, lease_s: float) -> None:
        self._claims = claims
        self._claim = claim
        self._lease_s = lease_s
        self._renewed = time.monotonic()
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def is_lost(self) -> bool:
        """Say whether another run has the block by now."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raise ``ClaimLost`` when another run has the block by now: called before every write.

        Raises ``DependencyUnavailable`` when the lease has run out and cannot be renewed, the catalog being away.
        """
        if not self._lost.is_set() and time.monotonic() - self._renewed >= self._lease_s:
            self._renew_once()
        if self._lost.is_set():
            raise ClaimLost(f"Another run has taken block {self._claim.partition} of {self._claim.collection}.")

    def _renew(self) -> None:
        while not self._ended.wait(self._lease_s / 3) and not self._lost.is_set():
            try:
                self._renew_once()
            except DependencyUnavailable as error:
                _log.warning("The lease of block %s could not be renewed: %s", self._claim.partition, error)
            except Exception:  # noqa: BLE001 - a thread that ends here would let the lease run out unseen
                _log.exception("The lease of block %s could not be renewed", self._claim.partition)

    def _renew_once(self) -> None:
        asked = time.monotonic()
        if self._claims.renew(self._claim, lease_s=self._lease_s):
            self._renewed = asked
        else:
            self._lost.set()
