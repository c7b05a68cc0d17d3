"""Short ways to say what was observed, and to look straight into the tables."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from rag_core.arrivals import Observation, Presence
from rag_core.errors import DocumentRejected
from rag_core.identity import document_id
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import (
    Claim,
    Outcome,
    PartitionLimits,
    ProcessingSpec,
    Recorded,
    WriteRequest,
)

COLLECTION = "papers"
SOURCE = "bucket"
INDEX = "papers--0123"
LIMITS = PartitionLimits(size=4, bytes=1000)
ROOMY = PartitionLimits(size=512, bytes=256 * 1024 * 1024)
SPEC = ProcessingSpec(parser_versions=frozenset({"text/1"}), chunking="c1", metadata_rules={SOURCE: "m1"})
TRIED = SPEC.fingerprint_of(SOURCE)


def present(key: str, announced: str = "v1", *, size_bytes: int = 10) -> Observation:
    return Observation(
        key=key, uri=f"file:///{key}", presence=Presence.PRESENT, announced=announced, size_bytes=size_bytes
    )


def gone(key: str) -> Observation:
    return Observation(key=key, uri=f"file:///{key}", presence=Presence.GONE, announced="", size_bytes=0)


def record(catalog: Catalog, *observations: Observation, limits: PartitionLimits = LIMITS) -> Recorded:
    return catalog.recording.record(COLLECTION, SOURCE, observations, limits=limits)


def id_of(key: str) -> UUID:
    return document_id(COLLECTION, f"file:///{key}")


def outcome(version: str = "v1", *, parser: str = "text/1", chunking: str = "c1", rules: str = "m1") -> Outcome:
    return Outcome(version=version, parser=parser, chunking=chunking, metadata_rules=rules, chunks=3)


def take(catalog: Catalog, partition: int = 0, *, run_id: str = "run-a", lease_s: float = 60) -> Claim:
    claim = catalog.claims.take(COLLECTION, partition, run_id=run_id, lease_s=lease_s)
    assert isinstance(claim, Claim)
    return claim


def index(catalog: Catalog, claim: Claim, number: int, key: str, *, version: str = "v1") -> None:
    catalog.due.begin(claim, [number])
    write = [WriteRequest(arrival=number, document_id=id_of(key))]
    with catalog.writing.documents(claim, INDEX, write) as writing:
        writing.indexed(id_of(key), outcome(version))


def reject(
    catalog: Catalog, claim: Claim, number: int, key: str, rejected: DocumentRejected, *, tried_spec: str = TRIED
) -> None:
    """Quarantine an arrival that the claim has begun; the last good version stays."""
    write = [WriteRequest(arrival=number, document_id=id_of(key))]
    with catalog.writing.documents(claim, INDEX, write) as writing:
        writing.quarantined(id_of(key), rejected, tried_spec=tried_spec, removed=False)


def claim_of(run_id: str, *, number: int = 0) -> Claim:
    """A claim as a run remembers it that may have lost it."""
    return Claim(collection=COLLECTION, partition=0, number=number, run_id=run_id)


def rows(url: str, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters)  # pyright: ignore[reportArgumentType] - statements of tests
        return cursor.fetchall() if cursor.description else []


def states(url: str) -> dict[int, str]:
    return dict(rows(url, "SELECT number, state FROM arrivals ORDER BY number"))


def expire_leases(url: str) -> None:
    """What waiting would do: leases run out, and runs stay silent for longer than the grace."""
    rows(url, "UPDATE claims SET lease_until = now() - interval '1 hour', lapsed_at = now() - interval '1 hour'")


def lapse_leases(url: str) -> None:
    """What a database that was away for an hour finds."""
    rows(url, "UPDATE claims SET lease_until = now() - interval '1 hour'")


def all_dead(_run_id: str) -> bool:
    return True


def none_dead(_run_id: str) -> bool:
    return False
