"""Upload jobs as their senders see them: four states, told from what became of the arrival."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from query_api.links import Links
from query_api.shapes.documents import ReasonShape
from query_api.uploading.parts import Taken
from rag_core.arrivals import ArrivalState
from resources.clients.catalog.uploads import UploadJob


class JobStatus(StrEnum):
    """Where a job stands; ``Completed`` and ``Failed`` are final."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    COMPLETED = "Completed"
    FAILED = "Failed"


FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})


class JobShape(BaseModel):
    """An uploaded file and what became of it."""

    job_id: UUID
    status: JobStatus
    message: str
    name: str
    collection: str
    document_id: UUID
    uri: str
    media_type: str
    size_bytes: int
    sha256: str
    arrival: int = Field(description="The arrival's number in its collection.")
    reason: ReasonShape | None = Field(description="Why it failed, and what to do.")
    run_url: str | None = Field(description="The page of the run that worked on it, where a webserver is known.")
    recorded_at: datetime
    changed_at: datetime


class RefusedFile(BaseModel):
    """A file of the request that was not taken, though others were."""

    name: str
    status: int = Field(description="What the response's status would be for this file alone.", examples=[415])
    detail: str
    remedy: str


class UploadAnswer(BaseModel):
    """Files were stored and recorded. The first three members speak of the first file; ``jobs`` has all of them."""

    job_id: UUID
    status: JobStatus
    message: str
    jobs: list[JobShape] = Field(description="One for each file that was taken, in the order of the request.")
    refused: list[RefusedFile] | None = Field(default=None, description="Files that were not taken, if any.")


def job_shape(job: UploadJob, links: Links) -> JobShape:
    """Return a job as it is shown."""
    status, message = status_of(job)
    reason = job.reason if status is JobStatus.FAILED else None
    return JobShape(
        job_id=job.job_id,
        status=status,
        message=message,
        name=job.upload.name,
        collection=job.collection,
        document_id=job.document_id,
        uri=job.uri,
        media_type=job.upload.media_type,
        size_bytes=job.upload.size_bytes,
        sha256=job.upload.sha256,
        arrival=job.arrival,
        reason=None if reason is None else ReasonShape(kind=reason.kind, message=reason.message, remedy=reason.remedy),
        run_url=links.run(job.run_id),
        recorded_at=job.recorded_at,
        changed_at=job.changed_at,
    )


def status_of(job: UploadJob) -> tuple[JobStatus, str]:
    """Return a job's status and a sentence about it.

    ``Completed`` means that the file's text, or that of a newer version of it, answers in the index. A superseded
    arrival was never written, so its job waits for the version that took its place, and shares its fate.
    """
    newer = f" A newer version took its place (arrival {job.deciding_arrival})."
    about = newer if job.state is ArrivalState.SUPERSEDED and job.deciding_arrival != job.arrival else ""
    why = "" if job.reason is None else f" {job.reason.message}"
    match job.deciding_state:
        case _ if job.is_indexed or job.state in {ArrivalState.INDEXED, ArrivalState.UNCHANGED}:
            return JobStatus.COMPLETED, f"It is searchable.{about}"
        case ArrivalState.INDEXED | ArrivalState.UNCHANGED | ArrivalState.SUPERSEDED:
            return JobStatus.COMPLETED, f"A newer version is searchable.{about}"
        case ArrivalState.PENDING:
            return JobStatus.PENDING, f"Stored and recorded; it waits for its run.{about}"
        case ArrivalState.RETRYING:
            return JobStatus.PENDING, f"Attempt {job.attempts} failed and it is tried again.{why}{about}"
        case ArrivalState.PROCESSING:
            return JobStatus.PROCESSING, f"A run is working on it.{about}"
        case ArrivalState.QUARANTINED:
            return JobStatus.FAILED, f"It could not be indexed.{why}{about}"
        case ArrivalState.DELETED:
            return JobStatus.FAILED, f"It was deleted before it was indexed.{about}"


def upload_answer(taken: Taken, jobs: list[UploadJob], links: Links) -> UploadAnswer:
    """Return the answer to an upload request that brought at least one file."""
    shapes = [job_shape(job, links) for job in jobs]
    first = shapes[0]
    refused = [
        RefusedFile(
            name=name.encode("utf-8", "replace").decode()[:255],
            status=refusal.status,
            detail=refusal.message,
            remedy=refusal.remedy,
        )
        for name, refusal in taken.refused
    ]
    return UploadAnswer(
        job_id=first.job_id, status=first.status, message=first.message, jobs=shapes, refused=refused or None
    )
