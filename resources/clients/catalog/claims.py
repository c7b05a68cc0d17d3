"""Claims: the right to work on a block, counted when taken, kept by a lease."""

from collections.abc import Callable

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Claim, DeadRuns, HeldBy, Lane


class Claims:
    """Runs are requested for blocks that have due work and no live claim; a run renews its lease or is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, collection: str, *, limit: int, launch_grace_s: float, lane: Lane = Lane.BATCH) -> list[Claim]:
        """Take the claims of up to ``limit`` blocks with due work; each is to be launched within ``launch_grace_s``.

        Blocks with little due work come first, then the longest waiting; after 15 minutes of waiting all are equal.
        """
        raise NotImplementedError

    def start(self, collection: str, partition: int, number: int, *, run_id: str, lease_s: float) -> Claim | None:
        """Start a requested claim's run; None when the claim has moved on: end quietly.

        A run that starts again (a step retry) gets its claim back; what it left in processing is due again.
        """
        raise NotImplementedError

    def take(self, collection: str, partition: int, *, run_id: str, lease_s: float) -> Claim | HeldBy:
        """Take a block for a run nobody requested (a backfill); a requested but unstarted claim is taken over."""
        raise NotImplementedError

    def renew(self, claim: Claim, *, lease_s: float) -> bool:
        """Extend the lease; False when the block is not this run's any more: stop."""
        raise NotImplementedError

    def release(self, claim: Claim) -> None:
        """End a claim; what its run left in processing is due again. No-op when it has moved on."""
        raise NotImplementedError

    def sweep_dead(self, is_dead: Callable[[str], bool]) -> DeadRuns:
        """Make the work of runs with an expired lease due again, and the open writes of runs known dead.

        ``is_dead(run_id)`` asks whoever runs the runs; it is called outside of any transaction, and must say True
        only when the run's process can write no more (a finished run too).
        """
        raise NotImplementedError
