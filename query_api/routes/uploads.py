"""``POST /v1/documents`` and ``POST /upload``."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from query_api.dependencies import ConnectionsDep, LinksDep, NoteDep, UploaderDep
from query_api.links import Links
from query_api.problems import PROBLEMS, problem_response
from query_api.shapes.jobs import UploadAnswer, upload_answer
from query_api.shapes.text import CollectionName, idempotency_header
from query_api.uploading.intake import UploadRequest
from query_api.uploading.parts import Taken
from rag_core.identity import Json
from resources.clients.catalog import Catalog

PATHS = ("/v1/documents", "/upload")
"""Where a body streams by, instead of being read before the route sees it."""

_NAMES_NOTED = 50
_log = logging.getLogger("query_api")
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "collection": {
                            "type": "string",
                            "description": "Where the query does not say it; it comes before the files.",
                        },
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "One part for each file, whatever its name.",
                        },
                    },
                },
                "example": {"collection": "handbook", "file": ["report.pdf"]},
            }
        },
    }
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {**PROBLEMS[422], "description": said}
    for status, said in {
        404: "The collection takes no uploads.",
        408: "The body stopped coming.",
        409: "A request with this Idempotency-Key is being received now.",
        413: "A file or the request is above its limit.",
        415: "No parser reads such a file.",
    }.items()
}
router = APIRouter(tags=["documents"], responses=PROBLEMS)


async def upload(
    request: Request,
    connections: ConnectionsDep,
    links: LinksDep,
    caller: UploaderDep,
    note: NoteDep,
    collection: Annotated[CollectionName | None, Query()] = None,
    idempotency_key: Annotated[
        str | None,
        idempotency_header("A repeated request with the same key and files gets the same answer, for a day."),
    ] = None,
) -> Response:
    """Store files in the collection's bucket, record them, and return a job for each.

    The same name and bytes again are no new arrival: their job is the one they have already.
    """
    length = request.headers.get("content-length", "")
    asked = UploadRequest(
        caller=caller,
        collection=collection,
        content_type=request.headers.get("content-type", ""),
        content_length=int(length) if length.isdigit() else None,
        idempotency_key=idempotency_key,
    )
    note.of("upload", collection=collection or "")
    names: list[str] = []

    def seen(resolved: str, name: str) -> None:
        names.append(name)
        note.of("upload", collection=resolved, subject=", ".join(names[:_NAMES_NOTED]))

    try:
        answer = await connections.uploads().receive(
            asked, request.stream(), answer=_answer_from(connections.catalog, links), seen=seen
        )
    except ClientDisconnect:
        _log.info("A sender went away before its files were whole; nothing of the last one is kept.")
        return problem_response(400, "The body ended before it was whole.", remedy="Send it again.")
    jobs = answer["jobs"]
    location = {"Location": f"/v1/jobs/{answer['job_id']}"} if isinstance(jobs, list) and len(jobs) == 1 else {}
    return JSONResponse(answer, status_code=202, headers=location)


def _answer_from(catalog: Callable[[], Catalog], links: Links) -> Callable[[Taken], dict[str, Json]]:
    def answer(taken: Taken) -> dict[str, Json]:
        found = catalog().uploads.jobs(taken.jobs)
        jobs = [found[each] for each in dict.fromkeys(taken.jobs)]
        return upload_answer(taken, jobs, links).model_dump(mode="json")

    return answer


for path, title in zip(PATHS, ("Upload documents", "Upload documents (alias of POST /v1/documents)"), strict=True):
    router.add_api_route(
        path,
        upload,
        methods=["POST"],
        status_code=202,
        response_model=UploadAnswer,
        summary=title,
        operation_id=f"upload{path.replace('/', '_')}",
        openapi_extra=_FORM,
        responses=_REFUSALS,
    )
