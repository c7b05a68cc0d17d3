"""Which sources collection files declare now: one that was taken out with its collection is not late for ever."""

from collections.abc import Callable
from pathlib import Path

from query_api.shapes.sweeps import FailingSource, failing_source
from resources.clients.catalog import Catalog
from resources.clients.collection_files import usable_collections


def declares(folder: Path) -> Callable[[str, str], bool]:
    """Return what says whether a collection's source is declared.

    While a file cannot be used, a collection that is missing may be that one's, and counts; so does every one where
    there are no files: a folder that is not there is no reason to be silent.
    """
    usable, problems = usable_collections(folder)
    declared = {each.collection.name: {source.name for source in each.collection.sources} for each in usable}
    is_whole = bool(declared) and not problems
    return lambda name, source: source in declared[name] if name in declared else not is_whole


def failing_sources(catalog: Catalog, folder: Path) -> dict[str, list[FailingSource]]:
    """Return the declared sources that are not swept at present, by collection."""
    is_declared = declares(folder)
    failing: dict[str, list[FailingSource]] = {}
    for trouble in catalog.sources.unswept():
        if is_declared(trouble.collection, trouble.source):
            failing.setdefault(trouble.collection, []).append(failing_source(trouble))
    return failing
