"""Who sends a request: nothing but the public paths is answered without a key, whatever routes there will be.

A key that was looked up is believed for ``KEPT_S``, so that a search costs no query to the catalog and a revoked key
stops within two seconds. That holds for work that takes longer, too: a response that has not begun by then is a 401
in its place, and one that has begun is broken off, so that its client sees that it is not whole. While the catalog is
away nobody can be let in: 503.
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import anyio.to_thread
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api.correlation import state_of
from query_api.page_files import PAGE_PATHS
from query_api.problems import problem_of, problem_response
from query_api.rate_limits import RateLimits
from rag_core.api_keys import KeyText
from rag_core.callers import LOCAL, Caller
from rag_core.errors import RagError
from resources.clients.catalog.keys import StoredKey

PUBLIC_PATHS = PAGE_PATHS | {"/docs", "/openapi.json", "/healthz", "/livez", "/readyz", "/readyz/own"}
"""What is answered without a key; it tells nothing of collections."""

KEPT_S = 1.5
AGAIN_AFTER_S = 0.5
"""After which time of a request its key is asked for again; with ``KEPT_S`` the promised two seconds."""
_REMEMBERED = 4096
_BEARER = b"bearer "
_log = logging.getLogger("query_api")

Find = Callable[[str], StoredKey | None]


class KeyRing:
    """Finds the key that a request was sent with; ``find`` asks the catalog."""

    def __init__(self, find: Find, *, kept_s: float = KEPT_S) -> None:
        self._find = find
        self._kept_s = kept_s
        self._known: OrderedDict[str, tuple[float, StoredKey | None]] = OrderedDict()

    async def key_of(self, headers: Mapping[bytes, bytes]) -> StoredKey | None:
        """Return the key of a request's headers; None for no, unknown, wrong, expired and revoked ones alike."""
        given = KeyText.read(_sent(headers).decode("latin-1"))
        if given is None:
            return None
        found = await self._looked_up(given.id)
        is_right = given.is_of(b"" if found is None else found.secret_sha256)
        return found if found is not None and is_right and found.state(datetime.now(UTC)) == "live" else None

    async def _looked_up(self, key_id: str) -> StoredKey | None:
        began_s = time.monotonic()
        known = self._known.get(key_id)
        if known is not None and began_s - known[0] < self._kept_s:
            return known[1]
        found = await anyio.to_thread.run_sync(self._find, key_id)
        self._known[key_id] = (began_s, found)  # since before it was read: it may have been revoked in between
        self._known.move_to_end(key_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found


class Authentication:
    """ASGI middleware: 401 without a valid key, 429 above its rate; ``ring`` is None where no keys are asked for."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ring: KeyRing | None,
        limits: RateLimits,
        per_minute: int,
        again_after_s: float = AGAIN_AFTER_S,
    ) -> None:
        self._app = app
        self._again_after_s = again_after_s
        self._ring = ring
        self._limits = limits
        self._per_minute = per_minute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or answer it with a problem before its body is read."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in PUBLIC_PATHS):
            await self._app(scope, receive, send)
            return
        if self._ring is None:
            state_of(scope)["caller"] = LOCAL
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            key = await self._ring.key_of(headers)
        except RagError as error:
            await problem_of(error)(scope, receive, send)
            return
        if key is None:
            await _unknown()(scope, receive, send)
            return
        wait_s = self._limits.wait_s(key.key_id, key.requests_per_minute or self._per_minute)
        if wait_s:
            state_of(scope)["is_rate_limited"] = True
            await _too_many(wait_s)(scope, receive, send)
            return
        await self._let_in(key.caller, headers, self._ring, scope, receive, send)

    async def _let_in(
        self,
        caller: Caller,
        headers: Mapping[bytes, bytes],
        ring: KeyRing,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        state_of(scope)["caller"] = caller
        checked_s = time.monotonic()
        has_begun = False

        async def send_while_valid(message: Message) -> None:
            nonlocal checked_s, has_begun
            tells_more = message["type"] == "http.response.start" or message.get("more_body", False)
            if tells_more and time.monotonic() - checked_s > self._again_after_s:
                await _see_still_let_in(ring, headers)
                checked_s = time.monotonic()
            await send(message)
            has_begun = True

        try:
            await self._app(scope, receive, send_while_valid)
        except AccessEnded as ended:
            if has_begun:  # without its last part: the server closes the connection, and the client sees a broken one
                _log.warning("A response is broken off: its key was revoked or expired, or the catalog is away.")
                return
            await ended.answer(scope, receive, send)


class AccessEnded(Exception):
    """The key of a request was revoked or expired while it was worked on; ``answer`` is sent if nothing was yet."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


async def _see_still_let_in(ring: KeyRing, headers: Mapping[bytes, bytes]) -> None:
    try:
        key = await ring.key_of(headers)
    except RagError as error:
        raise AccessEnded(problem_of(error)) from error
    if key is None:
        raise AccessEnded(_unknown())


def caller_in(scope: Scope) -> Caller | None:
    """Return who sends the request; None at the public paths."""
    found = state_of(scope).get("caller")
    return found if isinstance(found, Caller) else None


def _sent(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the key's text as it was sent; a bearer token goes before ``X-API-Key``."""
    authorization = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get(b"x-api-key", b"").strip()


def _unknown() -> Response:
    return problem_response(
        401,
        "This needs a key, and no valid one was sent.",
        remedy="Send 'Authorization: Bearer rag_…' or 'X-API-Key: rag_…'; 'rag keys create' makes a key.",
        headers={"WWW-Authenticate": "Bearer", "Connection": "close"},  # what is left of its body stays unread
    )


def _too_many(wait_s: float) -> Response:
    return problem_response(
        429,
        "This key has sent its requests of the minute.",
        remedy="Wait as long as Retry-After says; 'rag keys create --rate' sets a key's rate.",
        headers={"Retry-After": str(math.ceil(wait_s)), "Connection": "close"},
    )
