"""``/v1/projects``: folders of sessions, each its key's own."""

import secrets
import time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from query_api.dependencies import CatalogDep, NoteDep, ReaderDep
from query_api.problems import NOT_FOUND, PROBLEMS
from query_api.shapes.ids import ProjectId
from query_api.shapes.sessions import ProjectList, ProjectRequest, ProjectShape, project_list, project_shape
from rag_core.sessions.values import new_id, owner_of

router = APIRouter(prefix="/v1", tags=["sessions"], responses=PROBLEMS)
Before = Annotated[UUID | None, Query(description="next_before of the page before.")]


def fresh_id() -> UUID:
    """Return an id that nobody can guess, behind all that were made before."""
    return new_id(now_ms=time.time_ns() // 1_000_000, randomness=secrets.token_bytes(10))


@router.post("/projects", summary="Make a project", status_code=201)
def create(request: ProjectRequest, catalog: CatalogDep, caller: ReaderDep, note: NoteDep) -> ProjectShape:
    """Make a folder for sessions."""
    note.of("projects.create", subject=request.title)
    return project_shape(catalog.projects.create(owner_of(caller), fresh_id(), title=request.title))


@router.get("/projects", summary="List projects")
def projects(
    catalog: CatalogDep,
    caller: ReaderDep,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ProjectList:
    """Return the key's projects, the newest first."""
    return project_list(catalog.projects.list(owner_of(caller), before=before, limit=limit + 1), limit)


@router.get("/projects/{project_id}", summary="Show a project", responses=NOT_FOUND)
def project(project_id: ProjectId, catalog: CatalogDep, caller: ReaderDep) -> ProjectShape:
    """Return a project; its sessions are listed by ``GET /v1/sessions?project_id=``."""
    return project_shape(catalog.projects.get(owner_of(caller), project_id))


@router.patch("/projects/{project_id}", summary="Rename a project", responses=NOT_FOUND)
def rename(
    project_id: ProjectId, request: ProjectRequest, catalog: CatalogDep, caller: ReaderDep, note: NoteDep
) -> ProjectShape:
    """Give a project another title."""
    note.of("projects.rename", subject=str(project_id))
    return project_shape(catalog.projects.rename(owner_of(caller), project_id, title=request.title))


@router.delete("/projects/{project_id}", summary="Delete a project", status_code=204, responses=NOT_FOUND)
def delete(project_id: ProjectId, catalog: CatalogDep, caller: ReaderDep, note: NoteDep) -> Response:
    """Delete a project with its sessions and all their messages."""
    note.of("projects.delete", subject=str(project_id))
    catalog.projects.delete(owner_of(caller), project_id)
    return Response(status_code=204)
