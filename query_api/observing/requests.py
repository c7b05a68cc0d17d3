"""Each request counted, measured, logged in one line and, where spans are kept, given its span.

What is told of a request is its route's template: paths hold ids, queries hold questions.
"""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api.authentication import caller_in
from query_api.correlation import state_of, trace_parent
from query_api.observing.telemetry import Telemetry
from rag_core.traces import NO_TRACES, Span, SpanKind

UNMATCHED = "unmatched"
"""The route of what was refused before a route was looked for, and of paths that lead nowhere."""

QUIET = frozenset({"/healthz", "/livez", "/readyz", "/readyz/own", "/metrics"})
"""What asks every few seconds: no span, and a line in the log only where it fails."""

_FAILURES = ("500", "503")
"""Exported as 0 from a route's first request on."""

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_log = logging.getLogger("query_api.access")


class Observing:
    """ASGI middleware; it stands within ``Correlation``, so that its lines and spans have the request's ids."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry
        self._told: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it when its answer has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traces = NO_TRACES if scope["path"] in QUIET else self._telemetry.traces
        in_progress = self._telemetry.metrics.in_progress
        status, began_s = 500, time.perf_counter()

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with traces.span("request", parent=trace_parent.get(), kind=SpanKind.SERVER) as span:
            if span.traceparent:
                trace_parent.set(span.traceparent)  # ``Correlation`` puts back what was before
            in_progress.inc()
            try:
                await self._app(scope, receive, send_and_see)
            finally:
                in_progress.dec()
                self._tell(scope, span, status=status, took_s=time.perf_counter() - began_s)

    def _tell(self, scope: Scope, span: Span, *, status: int, took_s: float) -> None:
        metrics = self._telemetry.metrics
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = str(getattr(scope.get("route"), "path", UNMATCHED))
        if (
            method,
            route,
        ) not in self._told:  # a counter that appears with its first failure hides it from ``increase``
            self._told.add((method, route))
            for failure in _FAILURES:
                metrics.requests.labels(method, route, failure)
        metrics.requests.labels(method, route, str(status)).inc()
        metrics.request_seconds.labels(method, route).observe(took_s)
        if state_of(scope).get("is_rate_limited"):
            metrics.rate_limited.inc()
        span.rename(f"{method} {route}")
        span.note({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        if status >= 500:
            span.fail()
        if route in QUIET and status < 400:
            return
        caller = caller_in(scope)
        fields = {
            "caller": "" if caller is None else caller.name,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(took_s * 1000, 2),
        }
        _log.info("%s %s %d", method, route, status, extra={"fields": fields})
