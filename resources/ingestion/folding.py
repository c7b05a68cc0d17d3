"""Part files of a block folded into one, garbage removed, empty blocks retired."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rag_core.errors import Permanent
from resources.clients.catalog.parts import Parts
from resources.clients.catalog.values import NewPart, PartFile
from resources.clients.parquet_parts import PartStore

MAX_FILES = 16
GRACE_S = 3600.0
_MANY = 20
_SHARE = 0.2
"""So many unknown files, and a larger share than this, are no traces of crashes: another catalog names them."""


class TooManyUnknown(Permanent):
    """Housekeeping found so many files that the catalog does not know that deleting them could be a loss."""


def fold_block(
    parts: PartStore,
    names: Parts,
    collection: str,
    partition: int,
    *,
    is_full: bool,
    name: str,
    anew: Collection[tuple[str, str]] = (),
) -> tuple[str, ...]:
    """Fold each asset's files of a full block (or of one with too many files) into one; return the old files.

    The single file of an asset and fingerprint in ``anew`` is written again, too: some of its rows count no more.

    1. Write the new file from the rows that count, a row group at a time: dead rows are left behind.
    2. Let the catalog name it for exactly those arrivals whose old file still counted: a run that named newer rows
       meanwhile keeps them.
    3. The old files stay until their grace period is over, for readers that have just opened them.
    """
    folded: list[str] = []
    by_asset: dict[tuple[str, str], list[PartFile]] = {}
    for file in names.of_block(collection, partition):
        by_asset.setdefault((file.asset, file.fingerprint), []).append(file)
    for number, ((asset, fingerprint), files) in enumerate(sorted(by_asset.items())):
        has_few = len(files) < 2 or (not is_full and len(files) <= MAX_FILES)
        if has_few and (asset, fingerprint) not in anew:
            continue
        held = names.files(collection, partition, asset, fingerprint)
        if not held:
            continue
        try:
            part = parts.write(
                collection=collection,
                partition=partition,
                asset=asset,
                name=f"{name}-fold{number}",
                tables=_live_rows(parts, held),
            )
        except FileNotFoundError:
            continue  # a part was taken away by hand: reconciliation makes its rows again, then folding works
        old = sorted({file.file for file in files})
        new = NewPart(
            asset=asset,
            fingerprint=fingerprint,
            file=part.file,
            rows=part.rows,
            bytes=part.bytes,
            arrivals=sorted(held),
        )
        names.replace(collection, partition, old, new)
        folded += old
    return tuple(folded)


def remove_unnamed(parts: PartStore, names: Parts, *, grace_s: float = GRACE_S) -> int:
    """Delete files that have held no arrival's rows for ``grace_s``, of any collection; return how many. Cheap.

    None while a backup copies what was named when it began.
    """
    removed = 0
    if not names.unnamed(older_than_s=grace_s, limit=1):
        return 0
    with names.deleting() as may_delete:
        while may_delete and (files := names.unnamed(older_than_s=grace_s)):
            for file in files:
                parts.delete(file)
            names.forget(files)
            removed += len(files)
    return removed


def remove_unknown(
    parts: PartStore, names: Parts, collection: str, *, grace_s: float = GRACE_S, however_many: bool = False
) -> int:
    """List a collection's parts and delete those never named or never finished (a crash); return how many.

    One that is younger than ``grace_s`` may be a file that a run is about to name. Raises ``TooManyUnknown``, and
    deletes nothing, where so many are unknown that the catalog is rather not the one that they belong to.
    """
    before = datetime.now(UTC) - timedelta(seconds=grace_s)
    old = [part.file for part in parts.list(collection) if part.modified_at < before]
    unknown: list[str] = []
    for start in range(0, len(old), 1000):
        some = old[start : start + 1000]
        unknown += sorted(set(some) - names.named(some))
    finished = [file for file in unknown if not file.endswith(".tmp")]
    if not however_many and len(finished) >= _MANY and len(finished) > _SHARE * len(old):
        raise TooManyUnknown(
            f"The catalog knows nothing of {len(finished):,} of the {len(old):,} Parquet files of {collection}.",
            remedy="If the database was restored or replaced, restore the one that belongs to these files. If they "
            "really are left over, start this job by hand with however_many: true.",
        )
    for file in unknown:
        parts.delete(file)
    return len(unknown)


def retire_blocks(names: Parts, collection: str, *, limit: int = 100) -> tuple[int, ...]:
    """Retire full blocks that hold no document's newest or indexed arrival; their files become garbage.

    The caller deletes their Dagster partition keys; the numbers are never used again.
    """
    retired = names.retirable(collection, limit=limit)
    for partition in retired:
        names.retire(collection, partition)
    return tuple(retired)


def _live_rows(parts: PartStore, held: dict[int, str]) -> Iterator[Any]:
    first: dict[str, int] = {}
    for arrival in sorted(held):
        first.setdefault(held[arrival], arrival)
    for file in sorted(first, key=lambda one: first[one]):
        yield from parts.read(file, arrivals=_held_by(held, file))


def _held_by(held: dict[int, str], file: str) -> Sequence[int]:
    return [arrival for arrival, place in held.items() if place == file]
