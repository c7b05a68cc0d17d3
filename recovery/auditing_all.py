"""Audits of several collections, repaired where asked for, waited for, and compared again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rag_core.errors import InvalidRequest
from rag_core.identity import Json
from recovery.auditing import audit_collection
from recovery.opened import Opened
from recovery.repairing import REASONS, Repair, Repaired
from recovery.told import CollectionAudit
from resources.clients.collection_files import LoadedCollection

_ROUNDS = 3
"""What a first repair uncovers a second one mends: vectors taken over from rows that were unsound, too."""

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A collection's last audit; ``repaired`` says what was done before it, None where nothing was asked for."""

    audit: CollectionAudit
    repaired: Repaired | None = None
    unfinished: int = 0
    """Documents of the repair that were still being worked on when the waiting ended: nobody knows what they become."""

    @property
    def is_clean(self) -> bool:
        """Say whether everything is equal, and nothing that was repaired is still to be done."""
        return self.audit.is_clean and not self.unfinished

    def to_json(self) -> dict[str, Json]:
        """Return what ``rag audit --json`` shows of it."""
        done = self.repaired
        shown = self.audit.to_json() | {"clean": self.is_clean}
        if done is not None:
            shown["repaired"] = {
                "due_again": done.due_again,
                "points_distrusted": done.points_distrusted,
                "points_deleted": done.points_deleted,
                "rows_forgotten": done.rows_forgotten,
                "swept": done.swept,
                "unfinished": self.unfinished,
            }
        return shown


def audit(loaded: LoadedCollection, tools: Opened, *, vectors: bool = True, sources: bool = True) -> Audited:
    """Compare one collection; writes nothing."""
    return Audited(audit=audit_collection(loaded, tools, vectors=vectors, sources=sources))


def audit_and_repair(
    loaded: LoadedCollection,
    tools: Opened,
    *,
    wait_s: float,
    vectors: bool = True,
    sources: bool = True,
    parquet_is_lost: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Audited:
    """Compare, repair, wait up to ``wait_s`` for the runs that do the work, and compare again until nothing differs.

    Waited for is what a repair made due, this one or one before: what comes in meanwhile ends never, and is no fault.
    Nor is an object that came since the last comparison, which recorded all before it, or had it swept. Raises
    ``InvalidRequest`` where no Parquet file at all is where the catalog has some, unless ``parquet_is_lost``: a repair
    forgets the history that lies in lost files, and a place that is not mounted looks just like that.
    """
    if not parquet_is_lost:
        _refuse_an_empty_store(loaded.collection.name, tools)
    ends_s = time.monotonic() + wait_s
    total = Repaired()
    unfinished = 0
    looked_at: datetime | None = None
    for _ in range(_ROUNDS):
        repair = Repair(loaded, tools)
        before, looked_at = looked_at, datetime.now(UTC)
        found = audit_collection(
            loaded, tools, found=repair.found, vectors=vectors, sources=sources, changed_before=before
        )
        repair.sweep()
        _add(total, repair.done)
        if not found.differences and not unfinished and not _left(loaded.collection.name, tools, total):
            return Audited(audit=found, repaired=total)
        say(f"{loaded.collection.name}: {repair.done.due_again} documents are due again; waiting for their runs.")
        unfinished = _wait(loaded.collection.name, tools, total, ends_s)
        if unfinished:
            break
    last = audit_collection(loaded, tools, vectors=vectors, sources=sources, changed_before=looked_at)
    return Audited(audit=last, repaired=total, unfinished=unfinished)


def _refuse_an_empty_store(collection: str, tools: Opened) -> None:
    if tools.catalog.lost_parts.named(collection, limit=1) and not any(True for _ in tools.parts.list(collection)):
        raise InvalidRequest(
            f"{tools.settings.parquet} holds no Parquet file of {collection}, and the catalog names some.",
            remedy="Is it mounted, and the right place (RAG_PARQUET)? 'rag restore DIR --only parquet' brings files "
            "back; where they are lost for good, --parquet-is-lost goes on without them.",
        )


def _wait(name: str, tools: Opened, repaired: Repaired, ends_s: float) -> int:
    """Wait until nothing of a repair is due by now or in processing; return how many still are."""
    while (left := _left(name, tools, repaired)) and time.monotonic() < ends_s:
        time.sleep(_LOOK_EVERY_S)
    return left


def _left(name: str, tools: Opened, repaired: Repaired) -> int:
    return tools.catalog.evidence.work_left(name, reasons=REASONS, recorded=repaired.recorded)


def _add(total: Repaired, more: Repaired) -> None:
    total.due_again += more.due_again
    total.points_deleted += more.points_deleted
    total.points_distrusted += more.points_distrusted
    total.rows_forgotten += more.rows_forgotten
    total.swept += more.swept
    total.recorded += more.recorded


def is_clean(audits: Sequence[Audited]) -> bool:
    """Say whether every collection is clean."""
    return all(one.is_clean for one in audits)
