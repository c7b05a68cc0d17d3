"""The application: guards outside, router inside, one set of connections for its life."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from query_api.auditing import Auditing, AuditTrail
from query_api.authentication import Authentication, KeyRing
from query_api.connections import Connections
from query_api.correlation import Correlation
from query_api.exposure import host_names
from query_api.guards import Guards
from query_api.observing.requests import Observing
from query_api.openai_errors import OpenAiErrors
from query_api.pages import add_pages
from query_api.problems import add_problem_handlers
from query_api.rate_limits import RateLimits
from query_api.router import router
from query_api.routes.uploads import PATHS as UPLOAD_PATHS
from query_api.sessions.upkeep import SessionUpkeep
from resources.clients.settings import Settings

MAX_BODY_BYTES = 256 * 1024

DESCRIPTION = """\
Search and cited answers over the collections of rag-assets.

Every result quotes what was indexed and says where it stands (document, version, pages, characters) and where its
vector comes from (arrival, Dagster run, model, parser). Errors are `application/problem+json` with a `remedy`.
"""


def create_app(
    settings: Settings, *, hosts: Sequence[str] | None = None, connections: Connections | None = None
) -> FastAPI:
    """Return the application; it connects at the first request that needs it.

    ``hosts`` are the names under which it may be addressed, by default those that the settings name. Raises
    ``ConfigurationError`` for settings that would let everybody in.
    """
    settings.check_api_is_guarded()
    held = connections or Connections(settings)
    trail = AuditTrail(
        lambda entries: held.catalog().audit.append(entries),
        prune=lambda: held.catalog().audit.prune(days=settings.audit_days),
    )
    upkeep = SessionUpkeep(held.catalog, warm_days=settings.sessions_warm_days, keep_days=settings.sessions_keep_days)
    ring = KeyRing(lambda key_id: held.catalog().keys.find(key_id)) if settings.auth == "required" else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        del app
        held.warm_up()
        upkeep.start()
        yield
        await held.job_watch().close()
        await held.close_answerer()
        await anyio.to_thread.run_sync(trail.close)
        await anyio.to_thread.run_sync(upkeep.close)
        held.close()

    app = FastAPI(
        title="rag-assets query API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        openapi_tags=[
            {"name": "questions", "description": "Search and answers."},
            {"name": "sessions", "description": "Conversations, each its key's own."},
            {"name": "openai", "description": "Collections as models, for clients of OpenAI's API."},
            {"name": "documents", "description": "What was ingested, and what became of it."},
            {"name": "health", "description": "Alive and ready."},
        ],
    )
    app.state.connections = held
    app.include_router(router)
    add_pages(app, needs_key=ring is not None)
    add_problem_handlers(app)
    # The last one added is met first: whoever is refused is refused before a byte of the body is read.
    names = tuple(host_names(settings) if hosts is None else hosts)
    app.add_middleware(Guards, hosts=names, max_body_bytes=MAX_BODY_BYTES, streamed=frozenset(UPLOAD_PATHS))
    app.add_middleware(Auditing, keep=trail.keep)
    app.add_middleware(Authentication, ring=ring, limits=RateLimits(), per_minute=settings.requests_per_minute)
    app.add_middleware(OpenAiErrors)
    app.add_middleware(Observing, telemetry=held.telemetry)
    app.add_middleware(Correlation)
    return app
