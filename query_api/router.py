"""All routes of the API."""

from fastapi import APIRouter

from query_api.routes import (
    answers,
    ask,
    chat_completions,
    chunks,
    collections,
    documents,
    embeddings,
    health,
    jobs,
    metrics,
    models,
    projects,
    search,
    sessions,
    streams,
    uploads,
)

router = APIRouter()
router.include_router(search.router)
router.include_router(ask.router)
router.include_router(answers.router)
router.include_router(chat_completions.router)
router.include_router(models.router)
router.include_router(embeddings.router)
router.include_router(projects.router)
router.include_router(sessions.router)
router.include_router(documents.router)
router.include_router(chunks.router)
router.include_router(uploads.router)
router.include_router(jobs.router)
router.include_router(collections.router)
router.include_router(streams.router)
router.include_router(health.router)
router.include_router(metrics.router)
