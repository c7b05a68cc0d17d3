"""All routes of the API."""

from fastapi import APIRouter

from query_api.routes import ask, collections, documents, health, search

router = APIRouter()
router.include_router(search.router)
router.include_router(ask.router)
router.include_router(documents.router)
router.include_router(collections.router)
router.include_router(health.router)
