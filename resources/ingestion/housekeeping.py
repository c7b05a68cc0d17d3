"""What keeps a collection's storage from growing for ever: blocks retired, files deleted that nothing names."""

from dataclasses import dataclass

from resources.clients.catalog import Catalog
from resources.clients.parquet_parts import PartStore
from resources.ingestion.folding import TooManyUnknown, remove_unknown, remove_unnamed, retire_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekept:
    """What housekeeping did; ``retired`` are all retired blocks, whose partition keys must be gone from Dagster.

    ``refused`` says why files that the catalog does not know were left: raise it when all else is done.
    """

    retired_now: int
    files_deleted: int
    retired: tuple[int, ...]
    refused: TooManyUnknown | None = None


def keep_house(collection: str, catalog: Catalog, parts: PartStore, *, however_many: bool = False) -> Housekept:
    """Retire blocks whose documents have all moved on, and delete Parquet files that nothing names any more.

    Files are left where the catalog does not know many of them, unless they are to go ``however_many`` there are.
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
    return Housekept(retired_now=retired, files_deleted=files, retired=tuple(gone), refused=refused)
