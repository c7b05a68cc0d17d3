"""Uploads and what becomes of them."""

from dataclasses import dataclass
from datetime import datetime

from rag_client.shapes.documents import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An uploaded file and what became of it: ``status`` is Pending, Processing, Completed or Failed."""

    job_id: str
    status: str
    message: str
    name: str
    collection: str
    document_id: str
    uri: str
    media_type: str
    size_bytes: int
    sha256: str
    arrival: int
    reason: Reason | None
    run_url: str | None
    recorded_at: datetime
    changed_at: datetime

    @property
    def is_over(self) -> bool:
        """It is searchable, or it failed."""
        return self.status in {"Completed", "Failed"}

    @property
    def is_searchable(self) -> bool:
        """Its text, or that of a newer version of the file, answers in the index."""
        return self.status == "Completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """A file that was not taken, though others of the request were."""

    name: str
    status: int
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Files were stored and recorded: a job for each that was taken; the first members are the first job's."""

    job_id: str
    status: str
    message: str
    jobs: tuple[Job, ...]
    refused: tuple[RefusedFile, ...] | None = None
