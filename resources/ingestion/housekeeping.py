"""What keeps a collection's storage from growing for ever: blocks retired, history forgotten, unnamed files deleted."""

import uuid
from dataclasses import dataclass

from rag_core.errors import Permanent
from resources.clients.catalog import Catalog
from resources.clients.catalog.retention import DEAD_DAYS
from resources.clients.parquet_parts import PartStore
from resources.ingestion.folding import TooManyUnknown, fold_block, remove_unknown, remove_unnamed, retire_blocks

LOOK_EVERY_S = 23 * 3600.0
"""A block is looked at once a day, whichever hours the machine runs; a little less, so that a tick of the hour that
comes a moment early is not put off by an hour, every day."""

MOST_BLOCKS = 1000
"""So many blocks are looked at in one go, those of the longest time first; the rest waits for the next hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekept:
    """What housekeeping did; ``retired`` are all retired blocks, whose partition keys must be gone from Dagster.

    ``refused`` says why files that the catalog does not know were left: raise it when all else is done. ``runs_in_use``
    made, wrote or confirmed vectors that serve; None where that was not looked for, or could not be known.
    """

    retired_now: int
    files_deleted: int
    retired: tuple[int, ...]
    rows_forgotten: int = 0
    blocks_folded: int = 0
    runs_in_use: frozenset[str] | None = None
    refused: TooManyUnknown | None = None


def keep_house(
    collection: str,
    catalog: Catalog,
    parts: PartStore,
    *,
    keep_days: float,
    dead_days: float = DEAD_DAYS,
    look_every_s: float = LOOK_EVERY_S,
    however_many: bool = False,
) -> Housekept:
    """Retire blocks whose documents have all moved on, forget history, delete Parquet files that nothing names.

    Rows of versions replaced ``keep_days`` ago are forgotten in blocks not looked at for ``look_every_s``, and files
    with rows that have counted no more for ``dead_days`` written again. Unknown files are left where the catalog does
    not know many, unless they are to go ``however_many`` there are.
    """
    retired = len(retire_blocks(catalog.parts, collection))
    files, refused = remove_unnamed(parts, catalog.parts), None
    try:
        files += remove_unknown(parts, catalog.parts, collection, however_many=however_many)
    except TooManyUnknown as error:
        refused = error
    after, gone = -1, list[int]()
    while page := catalog.queries.blocks(collection, after=after):
        gone += [block.partition for block in page if block.is_retired]
        after = page[-1].partition
    unseen = catalog.retention.unseen_longest(collection, seen_before_s=look_every_s, limit=MOST_BLOCKS)
    runs = _runs_in_use(collection, catalog, parts) if unseen else None  # before rows that name them are forgotten
    rows = folded = 0
    for partition in unseen:
        done = catalog.retention.forget(collection, partition, keep_days=keep_days, dead_days=dead_days)
        rows += done.part_rows
        if done.to_fold:
            name = f"keeping-{uuid.uuid4().hex[:8]}"
            fold_block(parts, catalog.parts, collection, partition, is_full=True, name=name, anew=done.to_fold)
            folded += 1
    while catalog.retention.upload_requests():
        pass
    return Housekept(
        retired_now=retired,
        files_deleted=files,
        retired=tuple(gone),
        rows_forgotten=rows,
        blocks_folded=folded,
        runs_in_use=runs,
        refused=refused,
    )


def _runs_in_use(collection: str, catalog: Catalog, parts: PartStore) -> frozenset[str] | None:
    """Return the runs behind all vectors that Parquet holds; None where a file is missing or damaged.

    A vector is taken over by newer versions and by other documents: its run may be older than all rows of a block.
    """
    found = catalog.retention.runs_named(collection)
    try:
        for file in catalog.retention.embedding_files(collection):
            for table in parts.read(file, columns=["made_by_run"]):
                found.update(table.column("made_by_run").unique().to_pylist())
    except (FileNotFoundError, Permanent):
        return None
    return frozenset(found)
