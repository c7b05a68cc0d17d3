"""Values of claims and due work."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_core.arrivals import Arrival
from rag_core.identity import fingerprint, partition_key

SUSPECT_CRASHES = 2
"""After so many dead runs an arrival is a suspect: processed alone, and quarantined when its run dies again."""

LAPSED_GRACE_S = 180
"""A running claim may be taken over, unless its run is known dead, only so long after it was first seen lapsed.

Seen: a database that was away for an hour finds every lease lapsed, and the runs that survived it renew first.
"""


class Lane(StrEnum):
    """Which work a request is for: ``fresh`` only takes blocks with little due work, ``batch`` takes any."""

    FRESH = "fresh"
    BATCH = "batch"
    BACKFILL = "backfill"


CLAIM_TAG = "rag/claim"
LANE_TAG = "rag/lane"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on one block; ``number`` counts every taking, so a dead run never blocks its own retry.

    ``run_id`` is empty until a run has started; ``due`` is how much was due when it was requested, counted to 17.
    """

    collection: str
    partition: int
    number: int
    lane: Lane = Lane.BATCH
    run_id: str = ""
    due: int = 0

    @property
    def run_key(self) -> str:
        """Return Dagster's run key: a repeated tick asks for nothing new, another taking is another run."""
        return f"{self.collection}/{partition_key(self.partition)}/{self.number}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags by which the run finds its claim again."""
        return {CLAIM_TAG: str(self.number), LANE_TAG: self.lane.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """Another run works on the block until ``until``, or longer if it renews."""

    run_id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyBlock:
    """A block in which ``waiting`` due arrivals wait until run ``run_id``, at work there ``since``, comes to them."""

    partition: int
    run_id: str
    since: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueArrival:
    """An arrival to work on.

    ``alone``: suspected of killing its process; begin it when nothing else is being processed.
    ``newer_known``: a later arrival of the document settles it; supersede this one.
    ``reconcile``: a write was left open by a dead run; compare the document with the index even if nothing changed.
    With ``reconcile`` and ``arrival.state`` quarantined: bring the index back to ``indexed_arrival``, the last good one
    (or to nothing), and close with ``writing.quarantined``.
    """

    arrival: Arrival
    alone: bool = False
    newer_known: bool = False
    reconcile: bool = False
    indexed_arrival: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingSpec:
    """What a document's text and metadata depend on besides its bytes; fingerprints are the caller's.

    ``metadata_rules`` has one for each declared source, different from every other source's. Documents of a source
    that it does not name are never asked for.
    """

    parser_versions: frozenset[str]
    chunking: str
    metadata_rules: Mapping[str, str]

    def rules_of(self, source: str) -> str:
        """Return the fingerprint of a source's metadata rules; empty for one that is not declared."""
        return self.metadata_rules.get(source, "")

    def fingerprint_of(self, source: str) -> str:
        """Return 16 hex digits that change with anything a source's documents depend on, and with nothing else."""
        return fingerprint([sorted(self.parser_versions), self.chunking, self.rules_of(source)])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRuns:
    """What sweeping dead runs did, in arrivals, but ``runs`` in claims and ``orphans`` in write intents."""

    runs: int = 0
    due_again: int = 0
    crashed: int = 0
    orphans: int = 0
