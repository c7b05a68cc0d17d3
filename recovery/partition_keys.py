"""Dagster's partition keys, made from the catalog's blocks: Dagster's own database may be new, or of another time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_core.identity import partition_key
from rag_core.planning import blocks_name

if TYPE_CHECKING:
    import dagster as dg

    from resources.clients.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysMade:
    """How many partition keys were added, and how many of blocks that the catalog does not have were deleted."""

    added: int
    deleted: int


def make_partition_keys(catalog: "Catalog", instance: "dg.DagsterInstance") -> KeysMade:
    """Make the keys of every collection those of its blocks, retired ones left out; repeating it changes nothing."""
    added = deleted = 0
    for collection in catalog.queries.collections():
        name = blocks_name(collection)
        wanted: list[str] = []
        after = -1
        while page := catalog.queries.blocks(collection, after=after):
            wanted += [partition_key(block.partition) for block in page if not block.is_retired]
            after = page[-1].partition
        known = set(instance.get_dynamic_partitions(name))
        missing = [key for key in wanted if key not in known]
        if missing:
            instance.add_dynamic_partitions(name, missing)
        for key in sorted(known.difference(wanted)):
            instance.delete_dynamic_partition(name, key)
            deleted += 1
        added += len(missing)
    return KeysMade(added=added, deleted=deleted)
