"""Waiting until an index holds exactly what lies in a folder: no timing, only what the API and the folder say."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.api import Api
from rag_core.arrivals import ArrivalState
from rag_core.collection import BucketSource
from rag_core.errors import DependencyUnavailable, Permanent
from rag_core.objects import announced_version
from resources.clients.object_store import open_store

_ANSWERS = frozenset({ArrivalState.INDEXED.value, ArrivalState.UNCHANGED.value})
_OVER = _ANSWERS | {ArrivalState.QUARANTINED.value, ArrivalState.DELETED.value}
_LOOK_EVERY_S = 1.0
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Documents that answer, and chunks of theirs; ``newest_arrival`` numbers the collection's last observation.

    ``rejected`` are documents that cannot be indexed (one without text, say) with the reason: nobody will find them.
    """

    documents: int
    chunks: int
    newest_arrival: int
    rejected: tuple[str, ...] = ()


def wait_until_settled(
    api: Api, collection: str, folder: Path, ids: Mapping[str, str], *, limit_s: float, seen: Callable[[int], None]
) -> Settled:
    """Return when the index holds each file of ``ids`` in the version that lies in ``folder``, and nothing else.

    Raises ``Permanent`` when every document is quarantined or the source waits for a person, ``DependencyUnavailable``
    after ``limit_s`` without being settled.
    """
    store = open_store(BucketSource(name="corpus", url=folder.as_uri()), folder)
    wanted = {key: announced_version(info, None) for key in ids if (info := store.head(key)) is not None}
    ends = time.monotonic() + limit_s
    counts: Mapping[str, int] = {}
    while time.monotonic() < ends:
        state = _looked(api, collection)
        counts = state or {}
        answering = sum(number for name, number in counts.items() if name in _ANSWERS)
        seen(min(answering, len(wanted)))
        is_over = answering >= len(wanted) or sum(counts.values()) == sum(counts.get(name, 0) for name in _OVER)
        if counts and is_over and (settled := _settled(api, collection, wanted)):
            return settled
        time.sleep(_LOOK_EVERY_S)
    said = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()) if number) or "nothing recorded"
    raise DependencyUnavailable(
        f"After {limit_s:.0f} s the corpus of {collection} is not in the index: {said}.", dependency="ingestion"
    )


def _looked(api: Api, collection: str) -> Mapping[str, int] | None:
    try:
        found = api.collection(collection)
    except DependencyUnavailable:
        return None  # a part that is coming up; the limit ends the wait
    if found is None:
        return None
    if found["stopped_sources"]:
        stop = found["stopped_sources"][0]
        raise Permanent(
            f"The source stopped: {stop['reason']}", remedy="A corpus that lost this much is a new one: --fresh."
        )
    return found["documents"]


def _settled(api: Api, collection: str, wanted: Mapping[str, str]) -> Settled | None:
    """Compare document by document; a file that was not even seen again is told by its announced version."""
    states: Counter[str] = Counter()
    chunks, newest, failed = 0, -1, list[str]()
    for document in api.documents(collection):
        newest = max(newest, int(document["newest_arrival"]))
        is_wanted = document["key"] in wanted
        if is_wanted and document["announced"] != wanted[document["key"]]:
            return None
        if is_wanted and document["state"] == ArrivalState.QUARANTINED.value:
            failed.append(f"{document['uri']}: {document['reason']['message']}")
        elif is_wanted:
            states[document["state"]] += 1
            chunks += document["indexed"]["chunks"] if document["indexed"] else 0
        elif document["state"] not in (ArrivalState.DELETED.value, ArrivalState.QUARANTINED.value):
            return None
    answering = sum(number for name, number in states.items() if name in _ANSWERS)
    if answering + len(failed) < len(wanted):
        return None
    if not answering:
        raise Permanent(f"Every document of the corpus was rejected: {'; '.join(failed[:_SHOWN])}")
    return Settled(documents=answering, chunks=chunks, newest_arrival=newest, rejected=tuple(failed))
