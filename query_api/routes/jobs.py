"""``/v1/jobs``: what became of an upload."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from query_api.dependencies import CallerDep, CatalogDep, ConnectionsDep, LinksDep
from query_api.job_events import sse_example
from query_api.links import Links
from query_api.problems import NOT_FOUND, PROBLEMS, NotFound
from query_api.shapes.ids import JobId
from query_api.shapes.jobs import JobShape, job_shape
from rag_core.callers import Caller, Scope
from resources.clients.catalog import Catalog
from resources.clients.catalog.uploads import UploadJob

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.get("/jobs/{job_id}", summary="Show a job", responses=NOT_FOUND)
def job(job_id: JobId, catalog: CatalogDep, links: LinksDep, caller: CallerDep) -> JobShape:
    """Return where an uploaded file stands: Pending, Processing, Completed, or Failed with the reason."""
    return _known(catalog, job_id, links, caller)


@router.get(
    "/jobs/{job_id}/events",
    summary="Watch a job",
    response_class=StreamingResponse,
    responses={**NOT_FOUND, 200: {"description": "Each new state, until a final one.", "content": sse_example()}},
)
def events(
    job_id: JobId, connections: ConnectionsDep, catalog: CatalogDep, links: LinksDep, caller: CallerDep
) -> StreamingResponse:
    """Send the job's state now and whenever it changes, as server-sent events; the stream ends with a final state."""
    first = _known(catalog, job_id, links, caller)
    stream = connections.job_watch().events(first)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def _known(catalog: Catalog, job_id: UUID, links: Links, caller: Caller) -> JobShape:
    found = catalog.uploads.jobs([job_id]).get(job_id)
    if found is None or not _is_for(caller, found):
        raise NotFound(f"There is no job {job_id}.", remedy="The answer to an upload names its jobs.")
    return job_shape(found, links)


def _is_for(caller: Caller, job: UploadJob) -> bool:
    """Say whether the caller sees a job: their own, and an administrator those of all, in collections they may use."""
    is_own = job.upload.uploader == caller.namespace or caller.may(Scope.ADMIN)
    may = caller.may(Scope.INGEST, job.collection) or caller.may(Scope.READ, job.collection)
    return is_own and may
