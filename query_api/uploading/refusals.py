"""Why an upload is not taken, with the status that says so."""

from collections.abc import Sequence
from uuid import UUID

from rag_core.errors import InvalidRequest, Transient


class UploadRefused(InvalidRequest):
    """A file or a request that is not taken; ``status`` is the response's, ``ends_request`` where no more is read.

    ``jobs`` are those of the request's files that were taken before it ended.
    """

    jobs: Sequence[UUID] = ()

    def __init__(self, status: int, message: str, *, remedy: str, ends_request: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.ends_request = ends_request


class UploadsBusy(Transient):
    """Too many uploads or event streams at once."""


def too_large(name: str, max_bytes: int) -> UploadRefused:
    """Return the refusal of a file above its limit."""
    return UploadRefused(
        413,
        f"{name!r} is larger than {max_bytes} bytes.",
        remedy="Split the document, or raise uploads.max_bytes in the collection file.",
        ends_request=True,
    )


def request_too_large(max_bytes: int) -> UploadRefused:
    """Return the refusal of a request above its limit."""
    return UploadRefused(
        413,
        f"The request is larger than {max_bytes} bytes.",
        remedy="Send fewer files at a time, or raise uploads.max_request_bytes in the collection file.",
        ends_request=True,
    )
