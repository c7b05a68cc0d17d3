"""``/v1/jobs``: what became of an upload."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from query_api.dependencies import CatalogDep, ConnectionsDep, LinksDep, UploaderDep
from query_api.job_events import sse_example
from query_api.links import Links
from query_api.problems import NOT_FOUND, PROBLEMS, NotFound
from query_api.shapes.jobs import JobShape, job_shape
from resources.clients.catalog import Catalog

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.get("/jobs/{job_id}", summary="Show a job", responses=NOT_FOUND)
def job(job_id: UUID, catalog: CatalogDep, links: LinksDep, uploader: UploaderDep) -> JobShape:
    """Return where an uploaded file stands: Pending, Processing, Completed, or Failed with the reason."""
    return _known(catalog, job_id, links, uploader)


@router.get(
    "/jobs/{job_id}/events",
    summary="Watch a job",
    response_class=StreamingResponse,
    responses={**NOT_FOUND, 200: {"description": "Each new state, until a final one.", "content": sse_example()}},
)
def events(
    job_id: UUID, connections: ConnectionsDep, catalog: CatalogDep, links: LinksDep, uploader: UploaderDep
) -> StreamingResponse:
    """Send the job's state now and whenever it changes, as server-sent events; the stream ends with a final state."""
    first = _known(catalog, job_id, links, uploader)
    stream = connections.job_watch().events(first)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def _known(catalog: Catalog, job_id: UUID, links: Links, uploader: str) -> JobShape:
    found = catalog.uploads.jobs([job_id]).get(job_id)
    if found is None or found.upload.uploader != uploader:
        raise NotFound(f"There is no job {job_id}.", remedy="The answer to an upload names its jobs.")
    return job_shape(found, links)
