"""Uploaded files: recorded on the same path as what a sweep sees, each with a job that follows its arrival.

A job holds no state of its own. It names an arrival, and what became of that arrival is the job's state: there is no
second truth that a crash could leave behind.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from rag_core.arrivals import ArrivalState, Observation
from rag_core.identity import document_id
from resources.clients.catalog.database import Database
from resources.clients.catalog.numbering import number_staged, open_staging, stage
from resources.clients.catalog.values import PartitionLimits, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it was received."""

    uploader: str
    name: str
    sha256: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUpload:
    """What was uploaded last under a key, and the version it had in the store."""

    sha256: str
    announced: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadJob:
    """An upload and what became of it.

    ``state`` is that of its own arrival, ``deciding_state`` that of the document's newest arrival where its own is
    superseded (with ``reason`` from there). ``is_indexed``: its text, or a newer one, is or was what the index holds.
    """

    job_id: UUID
    collection: str
    arrival: int
    document_id: UUID
    uri: str
    upload: Upload
    state: ArrivalState
    deciding_arrival: int
    deciding_state: ArrivalState
    is_indexed: bool
    reason: Reason | None
    attempts: int
    run_id: str
    due_at: datetime | None
    recorded_at: datetime
    changed_at: datetime


class Uploads:
    """What the upload routes ask of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def turn(self, collection: str, source: str, key: str) -> Generator["UploadTurn"]:
        """Take a key's turn: until the end nobody else stores or records an upload under it.

        Committed at the end; an exception rolls back, and an object stored by then is found by the next sweep.
        """
        with self._database.transaction() as connection:
            connection.execute(_TURN, {"name": f"upload/{collection}/{source}/{key}"})
            yield UploadTurn(connection, collection, source, key)

    def jobs(self, job_ids: Sequence[UUID]) -> dict[UUID, UploadJob]:
        """Return the jobs there are of these, with their states as of now."""
        with self._database.transaction() as connection:
            rows = connection.execute(_JOBS, {"ids": list(job_ids)}).all()
        return {row.job_id: _job(row) for row in rows}


class UploadTurn:
    """The right to store and record one key's upload."""

    def __init__(self, connection: Connection, collection: str, source: str, key: str) -> None:
        self._connection = connection
        self._collection = collection
        self._source = source
        self._key = key

    def last(self) -> LastUpload | None:
        """Return what was uploaded last under the key."""
        row = self._connection.execute(
            _LAST, {"collection": self._collection, "source": self._source, "key": self._key}
        ).one_or_none()
        return None if row is None else LastUpload(sha256=row.sha256, announced=row.announced)

    def record(self, seen: Observation, upload: Upload, *, limits: PartitionLimits) -> UUID:
        """Record the stored object as a sweep would, and return its job.

        A version that is recorded already (this very upload before, or a sweep that saw the object first) gets no
        second arrival; its job is the same each time, because its id is computed from the arrival.
        """
        open_staging(self._connection)
        staged = stage(self._connection, self._collection, [seen])
        number_staged(self._connection, self._collection, self._source, staged=staged, limits=limits)
        document = document_id(self._collection, seen.uri)
        number = self._connection.execute(
            _ARRIVAL, {"document_id": document, "announced": seen.announced, "source": self._source}
        ).scalar_one()
        job_id = uuid5(document, f"upload/{number}")
        self._connection.execute(
            _INSERT,
            {
                "job_id": job_id,
                "collection": self._collection,
                "arrival": number,
                "source": self._source,
                "key": self._key,
                "document_id": document,
                "uploader": upload.uploader,
                "name": upload.name,
                "sha256": upload.sha256,
                "media_type": upload.media_type,
                "size_bytes": upload.size_bytes,
            },
        )
        return job_id


def _job(row: Any) -> UploadJob:
    return UploadJob(
        job_id=row.job_id,
        collection=row.collection,
        arrival=row.arrival,
        document_id=row.document_id,
        uri=row.uri,
        upload=Upload(
            uploader=row.uploader,
            name=row.name,
            sha256=row.sha256,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
        ),
        state=ArrivalState(row.state),
        deciding_arrival=row.deciding_arrival,
        deciding_state=ArrivalState(row.deciding_state),
        is_indexed=row.is_indexed,
        reason=Reason(kind=row.reason_kind, message=row.reason, remedy=row.remedy) if row.reason else None,
        attempts=row.attempts,
        run_id=row.run_id,
        due_at=row.due_at,
        recorded_at=row.recorded_at,
        changed_at=row.changed_at,
    )


_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7264915033))")

_LAST = text("""
SELECT u.sha256, a.announced FROM uploads u
JOIN arrivals a ON a.collection = u.collection AND a.number = u.arrival
WHERE u.collection = :collection AND u.source = :source AND u.key = :key ORDER BY u.arrival DESC LIMIT 1
""")

# Not the latest observation: something newer may have been recorded between this statement and the one before.
_ARRIVAL = text("""
SELECT number FROM arrivals
WHERE document_id = :document_id AND source = :source AND announced = :announced AND presence = 'present'
ORDER BY number DESC LIMIT 1
""")

_INSERT = text("""
INSERT INTO uploads (job_id, collection, arrival, source, key, document_id, uploader, name, sha256, media_type,
                     size_bytes)
VALUES (:job_id, :collection, :arrival, :source, :key, :document_id, :uploader, :name, :sha256, :media_type,
        :size_bytes)
ON CONFLICT (job_id) DO NOTHING
""")

_JOBS = text("""
SELECT u.job_id, u.collection, u.arrival, u.document_id, u.uploader, u.name, u.sha256, u.media_type, u.size_bytes,
       u.recorded_at, a.uri, a.state, d.number AS deciding_arrival, d.state AS deciding_state, d.reason_kind, d.reason,
       d.remedy, d.attempts, d.run_id, d.due_at, d.changed_at,
       EXISTS (SELECT 1 FROM document_indexes x JOIN indexes i ON i.physical_name = x.index_name AND i.is_active
               WHERE x.document_id = u.document_id AND x.confirmed_arrival >= u.arrival) AS is_indexed
FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
JOIN uploads u ON u.job_id = wanted.id
JOIN arrivals a ON a.collection = u.collection AND a.number = u.arrival
JOIN LATERAL (
    SELECT n.* FROM arrivals n WHERE n.document_id = u.document_id AND n.number >= u.arrival
        AND (a.state = 'superseded' OR n.number = u.arrival)
    ORDER BY n.number DESC LIMIT 1) d ON true
""")
