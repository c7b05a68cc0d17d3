"""The application: guards outside, router inside, one set of connections for its life."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

from query_api.connections import Connections
from query_api.guards import Guards
from query_api.pages import add_pages
from query_api.problems import add_problem_handlers
from query_api.router import router
from query_api.routes.uploads import PATHS as UPLOAD_PATHS
from resources.clients.settings import Settings

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY_BYTES = 256 * 1024

DESCRIPTION = """\
Search and cited answers over the collections of rag-assets.

Every result quotes what was indexed and says where it stands (document, version, pages, characters) and where its
vector comes from (arrival, Dagster run, model, parser). Errors are `application/problem+json` with a `remedy`.
"""


def create_app(
    settings: Settings, *, hosts: Sequence[str] = LOOPBACK_HOSTS, connections: Connections | None = None
) -> FastAPI:
    """Return the application; it connects at the first request that needs it.

    ``hosts`` are the names under which it may be addressed: there are no keys yet, and a web page that got its own
    name resolved to loopback must not read what the machine's user may read.
    """
    held = connections or Connections(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        del app
        held.warm_up()
        yield
        await held.job_watch().close()
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
            {"name": "documents", "description": "What was ingested, and what became of it."},
            {"name": "health", "description": "Alive and ready."},
        ],
    )
    app.state.connections = held
    app.include_router(router)
    add_pages(app)
    add_problem_handlers(app)
    app.add_middleware(Guards, hosts=tuple(hosts), max_body_bytes=MAX_BODY_BYTES, streamed=frozenset(UPLOAD_PATHS))
    return app
