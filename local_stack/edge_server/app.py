"""The ASGI application: requests to operations, and answers in Qdrant's envelope."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local_stack.edge_server.operations import NOT_SERVED, SERVED, Handler, Operation
from local_stack.edge_server.points import jsonable
from local_stack.edge_server.refusals import EngineFailed, Malformed, NotServed, Refusal, asking_engine
from local_stack.edge_server.requests import read_call
from local_stack.edge_server.store import Store
from local_stack.edge_server.upkeep import Upkeep, UpkeepRules

_log = logging.getLogger(__name__)
VERSION = "1.20.0"
"""The version of Qdrant's REST API that is spoken; qdrant-client compares it with its own."""

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(store: Store, rules: UpkeepRules, *, loopback_only: bool) -> Starlette:
    """Return the application that serves an opened store; its lifespan runs the store's upkeep.

    ``loopback_only`` answers only requests addressed to this machine by name or number, so that no web page can reach
    the server through a name of its own that resolves to it.
    """

    @asynccontextmanager
    async def upkeep(app: Starlette) -> AsyncGenerator[None]:  # noqa: ARG001 - Starlette passes it
        task = asyncio.create_task(Upkeep(store, rules).run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def endpoint(operation: Operation) -> Endpoint:
        handler = operation.handler or _refusing(operation.name)

        async def answer(request: Request) -> Response:
            started_at = time.perf_counter()
            try:
                if loopback_only:
                    _check_host(request)
                result = await handler(await read_call(request, store))
                with asking_engine():
                    content = orjson.dumps(
                        {"result": result, "status": "ok", "time": time.perf_counter() - started_at}, default=jsonable
                    )
            except Refusal as refusal:
                return _refused(refusal, started_at)
            except ClientDisconnect:
                return _refused(Malformed("The request ended before its body was complete"), started_at)
            except Exception:  # noqa: BLE001 - a defect here must not end the connection without a word
                _log.exception("%s failed", operation.name)
                return _refused(EngineFailed(f"Service internal error in {operation.name}"), started_at)
            return Response(content, media_type="application/json")

        return answer

    async def unknown(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette passes it
        return _refused(NotServed(f"{request.method} {request.url.path[:256]}"), time.perf_counter())

    routes = [Route(each.path, endpoint(each), methods=[each.method]) for each in (*SERVED, *NOT_SERVED)]
    routes += [Route("/", _version), *(Route(path, _alive) for path in ("/healthz", "/livez", "/readyz"))]
    unknown_paths: dict[Any, Any] = {404: unknown, 405: unknown, HTTPException: unknown}
    app = Starlette(routes=routes, exception_handlers=unknown_paths, lifespan=upkeep)
    app.router.redirect_slashes = False
    return app


async def _version(request: Request) -> Response:  # noqa: ARG001 - the shape of an endpoint
    body = {"title": "Qdrant Edge behind Qdrant's REST API", "version": VERSION}
    return Response(orjson.dumps(body), media_type="application/json")


async def _alive(request: Request) -> Response:  # noqa: ARG001 - the shape of an endpoint
    return PlainTextResponse("all shards are ready\n")


def _refusing(name: str) -> Handler:
    async def refuse(call: Any) -> Any:  # noqa: ARG001 - the shape of a handler
        raise NotServed(name)

    return refuse


def _check_host(request: Request) -> None:
    host = request.headers.get("host", "").lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name not in {"localhost", "127.0.0.1", "::1"}:
        raise Malformed("Wrong input: this server listens on loopback and answers only requests addressed to it")


def _refused(refusal: Refusal, started_at: float) -> Response:
    body = {"status": {"error": refusal.message}, "time": time.perf_counter() - started_at}
    return Response(orjson.dumps(body), status_code=refusal.status, media_type="application/json")
