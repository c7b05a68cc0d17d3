"""What is refused before any route sees it: foreign hosts and pages, and bodies that are too large."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api.problems import problem_response


class Guards:
    """ASGI middleware: 421 for a host that is not ours, 403 for another site's page, 413 above ``max_body_bytes``.

    A POST to one of the ``streamed`` paths reaches its route with its body unread; the route bounds it.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: tuple[str, ...], max_body_bytes: int, streamed: frozenset[str] = frozenset()
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._max_body_bytes = max_body_bytes
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = _without_port(headers.get(b"host", b"").decode("latin-1").lower())
        if "*" not in self._hosts and host not in self._hosts:
            refused = problem_response(
                421, "This server does not answer to that host name.", remedy="RAG_API_HOSTS names those it answers to."
            )
            await refused(scope, receive, send)
            return
        if scope["method"] not in _SAFE and not _is_from_here(headers):
            refused = problem_response(
                403, "A page of another site may not change anything here.", remedy="Send it from this server's pages."
            )
            await refused(scope, receive, send)
            return
        if scope["method"] == "POST" and scope["path"] in self._streamed:
            await self._app(scope, receive, send)
            return
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._max_body_bytes:
            await self._too_large()(scope, receive, send)
            return
        await self._bounded(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body first, no further than the bound; a body without a length cannot get past it."""
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._max_body_bytes:
                await self._too_large()(scope, receive, send)
                return
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        waiting = iter(messages)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        await self._app(scope, replay, send)

    def _too_large(self) -> ASGIApp:
        return problem_response(
            413,
            f"The request's body is larger than {self._max_body_bytes} bytes.",
            remedy="Send less at once: shorter texts, or fewer of them.",
        )


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def _is_from_here(headers: dict[bytes, bytes]) -> bool:
    """Say whether no browser sent the request, or one that shows a page of this very server.

    A form of any web page may post to loopback, without asking: without keys only its origin gives it away.
    """
    origin = headers.get(b"origin")
    return origin is None or origin.partition(b"://")[2].lower() == headers.get(b"host", b"").lower()


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
