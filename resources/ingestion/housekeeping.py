"""What keeps a collection's storage from growing for ever: blocks retired, files deleted that nothing names."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Block
from resources.clients.parquet_parts import PartStore
from resources.ingestion.folding import TooManyUnknown, fold_block, remove_unknown, remove_unnamed, retire_blocks

SHARES = 24
"""History is looked for in every block once in so many times of keeping house: once a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekept:
    """What housekeeping did; ``retired`` are all retired blocks, whose partition keys must be gone from Dagster.

    ``refused`` says why files that the catalog does not know were left: raise it when all else is done.
    """

    retired_now: int
    files_deleted: int
    retired: tuple[int, ...]
    rows_forgotten: int = 0
    arrivals_forgotten: int = 0
    blocks_folded: int = 0
    refused: TooManyUnknown | None = None


def keep_house(
    collection: str,
    catalog: Catalog,
    parts: PartStore,
    *,
    keep_days: int,
    however_many: bool = False,
    share: int | None = None,
) -> Housekept:
    """Retire blocks whose documents have all moved on, forget history, delete Parquet files that nothing names.

    History older than ``keep_days`` is looked for in a ``share`` of the blocks (None: that of the hour). Files are left
    where the catalog does not know many of them, unless they are to go ``however_many`` there are.
    """
    retired = len(retire_blocks(catalog.parts, collection))
    files, refused = remove_unnamed(parts, catalog.parts), None
    try:
        files += remove_unknown(parts, catalog.parts, collection, however_many=however_many)
    except TooManyUnknown as error:
        refused = error
    share = datetime.now(UTC).hour % SHARES if share is None else share
    after, gone = -1, list[int]()
    rows = arrivals = folded = 0
    while page := catalog.queries.blocks(collection, after=after):
        gone += [block.partition for block in page if block.is_retired]
        some = _forget(collection, catalog, parts, [one for one in page if one.partition % SHARES == share], keep_days)
        rows, arrivals, folded = rows + some[0], arrivals + some[1], folded + some[2]
        after = page[-1].partition
    while catalog.retention.upload_requests():
        pass
    return Housekept(
        retired_now=retired,
        files_deleted=files,
        retired=tuple(gone),
        rows_forgotten=rows,
        arrivals_forgotten=arrivals,
        blocks_folded=folded,
        refused=refused,
    )


def _forget(
    collection: str, catalog: Catalog, parts: PartStore, blocks: Sequence[Block], keep_days: int
) -> tuple[int, int, int]:
    """Forget the history of some blocks, and write those files again that hold rows of others beside it.

    A crash between the two leaves dead rows in a file: the next fold, or the block's retirement, takes them.
    """
    rows = arrivals = folded = 0
    for block in blocks:
        done = catalog.retention.forget(collection, block.partition, keep_days=keep_days)
        rows += done.part_rows
        arrivals += done.arrivals
        if done.leaves_dead_rows:
            name = f"keeping-{uuid.uuid4().hex[:8]}"
            fold_block(parts, catalog.parts, collection, block.partition, is_full=True, name=name, anew=True)
            folded += 1
    return rows, arrivals, folded
