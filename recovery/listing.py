"""A source's listing, compared with what the catalog recorded of it: the sweep's comparison, nothing written."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from rag_core.collection import BucketSource, Collection
from rag_core.sweeping import Sweeping, advanced
from resources.clients.catalog import Catalog
from resources.clients.object_store import ObjectStore
from resources.ingestion.checking.findings import Finding, Kind
from sensors.comparing import Comparing

_PAGE_KEYS = 1000


def source_differences(
    collection: Collection,
    source: BucketSource,
    store: ObjectStore,
    catalog: Catalog,
    *,
    changed_before: datetime | None = None,
) -> Iterator[tuple[list[Finding], int]]:
    """Yield, page by page, what the listing and the catalog do not both have, and how many objects were looked at.

    What is newer than ``changed_before`` is left out: the source's next sweep has had no time to record it.

    Raises what the store raises; a root that is missing is an error, never an empty source.
    """
    store.probe()
    comparing = Comparing(collection=collection, source=source, store=store, catalog=catalog, page_keys=_PAGE_KEYS)
    running = Sweeping(sweep_id=uuid.uuid4(), began_at=datetime.now(UTC))
    while True:
        for plan, unreadable in comparing.plans(running):
            running = advanced(running, plan, unreadable)
            new = [
                Finding(kind=Kind.SOURCE_UNRECORDED, what=store.uri(each.key))
                for each in plan.changed
                if changed_before is None or not _is_newer(store, each.key, changed_before)
            ]
            gone = [Finding(kind=Kind.SOURCE_GONE, what=store.uri(key)) for key in plan.missing]
            yield [*new, *gone], plan.looked_at
            if plan.complete:
                return


def _is_newer(store: ObjectStore, key: str, moment: datetime) -> bool:
    info = store.head(key)
    return info is not None and info.modified_at >= moment.replace(microsecond=0)  # stores tell whole seconds
