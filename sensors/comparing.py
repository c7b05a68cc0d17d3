"""The listing of a source against the catalog, page by page, within a tick's bounds."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rag_core.collection import BucketSource, Collection, selects
from rag_core.objects import ListedPage
from rag_core.sweeping import Announced, PagePlan, Sweeping, announce, plan_page
from resources.clients.catalog import Catalog
from resources.clients.object_store import ObjectStore
from sensors.tag_looks import TAG_PAGE_KEYS, tag_versions

_NOTHING = ListedPage(objects=(), through="", complete=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """Compares one source's store with what the catalog knows of it, ``page_keys`` at a time."""

    collection: Collection
    source: BucketSource
    store: ObjectStore
    catalog: Catalog
    page_keys: int

    def plans(self, running: Sweeping) -> Iterator[tuple[PagePlan, tuple[str, ...]]]:
        """Yield comparisons until the source's end or the tick's bounds, and what could not be looked at.

        A page that the catalog cut short is kept. The root of a sweep that empties holds nothing.
        """
        ends_at = time.monotonic() + self.source.sweep.max_s_per_tick
        keys_left = self.source.sweep.max_keys_per_tick
        after_key = running.after_key
        pages = iter([_NOTHING]) if running.is_emptying else self.store.pages(after_key, page_size=self._page_size)
        listed: ListedPage | None = None
        selected: tuple[Announced, ...] = ()
        while True:
            known = self.catalog.sources.known(
                self.collection.name, self.source.name, after_key=after_key, through_key=None, limit=self.page_keys
            )
            if listed is None:
                listed = next(pages)
                selected = self._announced(listed)
            plan = plan_page(
                after_key=after_key,
                listed=listed,
                selected=selected,
                known=known,
                known_complete=len(known) < self.page_keys,
                began_at=running.began_at,
            )
            yield plan, tuple(f"{each.name} ({each.reason})" for each in listed.unreadable)
            keys_left -= max(plan.looked_at, sum(row.key <= plan.through for row in known), 1)
            if plan.complete or keys_left <= 0 or time.monotonic() >= ends_at:
                return
            after_key = plan.through
            if after_key >= listed.through and not listed.complete:
                listed = None

    def _announced(self, listed: ListedPage) -> tuple[Announced, ...]:
        fields = self.source.tag_fields
        return announce(
            listed,
            is_selected=lambda key: selects(self.source, key),
            sidecar_suffix=self.source.sidecar_suffix,
            look=self.store.head,
            tags_of=(lambda keys: tag_versions(self.store, keys, fields)) if fields else None,
        )

    @property
    def _page_size(self) -> int:
        """Return the keys of a page: few where each is a request, so that a tick ends near its time."""
        return min(self.page_keys, TAG_PAGE_KEYS) if self.source.tag_fields else self.page_keys
