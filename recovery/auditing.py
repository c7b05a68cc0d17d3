"""An audit of one collection: source, catalog, Parquet and index compared, page by page, nothing written.

The rules are those of the asset checks and of the sweeps; an audit looks everywhere and says in types what differs.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from rag_core.arrivals import ArrivalState
from rag_core.errors import RagError
from recovery.listing import source_differences
from recovery.opened import Opened
from recovery.told import CollectionAudit, Differences
from resources.clients.collection_files import LoadedCollection
from resources.ingestion.checking.blocks import check_blocks
from resources.ingestion.checking.findings import Finding, Kind
from resources.ingestion.checking.promises import CHUNKS_COUNTED, POINTS_EQUAL, ROWS_NAMED, VECTORS_SOUND

_CHECKS = frozenset({ROWS_NAMED.name, CHUNKS_COUNTED.name, VECTORS_SOUND.name, POINTS_EQUAL.name})

Found = Callable[[Sequence[Finding]], None]


def audit_collection(
    loaded: LoadedCollection,
    tools: Opened,
    *,
    found: Found = lambda _: None,
    vectors: bool = True,
    sources: bool = True,
    changed_before: datetime | None = None,
) -> CollectionAudit:
    """Compare the four places of one collection; ``found`` hears of the differences as they are met.

    Objects that are newer than ``changed_before`` are no difference yet: their sweep comes.

    1. Is the index there that the catalog names?
    2. The asset checks over all blocks and the whole index, with every point's vectors where ``vectors``.
    3. Documents that are settled as indexed while nothing says where.
    4. Parquet files that are named and not there, those of replaced and deleted versions too: a backup needs them all.
    5. Each source's listing. Streams have none: what Kafka holds is read by its own position.
    """
    began_s = time.monotonic()
    name, differences = loaded.collection.name, Differences()

    def met(findings: Sequence[Finding]) -> None:
        new = [finding for finding in findings if differences.add(finding)]
        if new:
            found(new)

    has_index = _look_at_index(name, tools, met)
    looked_at = {
        outcome.check.name: int(outcome.numbers["looked_at"])
        for outcome in check_blocks(
            loaded.collection,
            None,
            _CHECKS if has_index else _CHECKS - {POINTS_EQUAL.name},
            catalog=tools.catalog,
            parts=tools.parts,
            writer=tools.store.writer(),
            inspector=tools.store.inspector(),
            found=met,
            vectors=vectors,
        )
    }
    _look_at_outcomes(name, tools, met)
    _look_at_files(name, tools, met)
    objects, not_looked_at = _look_at_sources(loaded, tools, met, changed_before) if sources else (0, [])
    return CollectionAudit(
        collection=name,
        differences=differences.all(),
        documents=looked_at[ROWS_NAMED.name],
        vectors=looked_at[VECTORS_SOUND.name],
        objects=objects,
        due=_work_open(name, tools),
        not_looked_at=tuple(not_looked_at),
        seconds=time.monotonic() - began_s,
    )


def _look_at_index(name: str, tools: Opened, met: Found) -> bool:
    """Say whether there is an index to look at: the one that the catalog names, or none is needed yet."""
    known = tools.catalog.indexes.active(name)
    served = tools.store.writer().spec_of(name)
    if known is not None and (served is None or served[0] != known[0]):
        instead = "no index serves the collection" if served is None else f"readers are sent to {served[0]}"
        met([Finding(kind=Kind.INDEX_MISSING, what=known[0], example=instead)])
        return False
    return served is not None


def _work_open(name: str, tools: Opened) -> int:
    """Return how many arrivals wait for a run or are in one."""
    processing = tools.catalog.queries.counts_by_state(name)[ArrivalState.PROCESSING]
    return tools.catalog.queries.due_count(name) + processing


def _look_at_outcomes(name: str, tools: Opened, met: Found) -> None:
    known = tools.catalog.indexes.active(name)
    after = -1
    while known is not None and (page := tools.catalog.evidence.without_outcome(name, known[0], after=after)):
        met([Finding(kind=Kind.OUTCOME_MISSING, what=uri, document_id=document) for _, document, uri in page])
        after = page[-1][0]


def _look_at_files(name: str, tools: Opened, met: Found) -> None:
    """Find files that are named and not there; asked of the catalog first, so that each was there when it was named."""
    named: list[str] = []
    after = 0
    while page := tools.catalog.lost_parts.named(name, after=after):
        named += [file for _, file in page]
        after = page[-1][0]
    there = {part.file for part in tools.parts.list(name)}
    met([Finding(kind=Kind.FILE_MISSING, what=file) for file in sorted(set(named) - there)])


def _look_at_sources(
    loaded: LoadedCollection, tools: Opened, met: Found, changed_before: datetime | None
) -> tuple[int, list[str]]:
    from resources.clients.object_store import open_store

    objects = 0
    unlooked: list[str] = []
    environ = {**tools.settings.aws_environment(), **os.environ, "RAG_HOME": str(tools.settings.home)}
    for source in loaded.collection.sources:
        try:
            store = open_store(source, loaded.base_dir, environ=environ)
            differences = source_differences(
                loaded.collection, source, store, tools.catalog, changed_before=changed_before
            )
            for findings, looked_at in differences:
                met(findings)
                objects += looked_at
        except RagError as error:
            unlooked.append(f"source {source.name}: {error}")
    return objects, unlooked
