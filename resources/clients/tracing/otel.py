"""Spans kept by OpenTelemetry's SDK and sent by OTLP over HTTP, in batches, from a thread of its own.

A receiver that is away costs spans and nothing else: the queue is bounded, and closing waits for some seconds only. The
standard variables hold (``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_RESOURCE_ATTRIBUTES``). The
SDK's global provider is left alone.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from rag_core.traces import Attributes, Span, SpanKind

TIMEOUT_S = 5.0
CLOSING_S = 5.0
MAX_WAITING = 8192
_SEND_EVERY_MS = 1000
_KINDS = {SpanKind.INTERNAL: trace.SpanKind.INTERNAL, SpanKind.SERVER: trace.SpanKind.SERVER}


class OtelTraces:
    """Spans of one process, under the name of its service."""

    is_on = True

    def __init__(self, endpoint: str, *, service: str) -> None:
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=TIMEOUT_S)
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=MAX_WAITING, schedule_delay_millis=_SEND_EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("rag-assets")

    @contextmanager
    def span(
        self, name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> Generator[Span]:
        """Begin a span that is the current one in its block; an exception that leaves the block makes it failed."""
        context = _context_of(parent) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=dict(attributes or {}),
            record_exception=False,  # its message may quote a document or a question
            set_status_on_exception=False,
        ) as begun:
            span = _OtelSpan(begun)
            try:
                yield span
            except BaseException:
                span.fail()
                raise

    def add(
        self,
        name: str,
        *,
        start_ns: int,
        end_ns: int,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
        failed: bool = False,
    ) -> None:
        """Add a span that is over."""
        span = self._tracer.start_span(
            name,
            context=_context_of(parent) if parent else Context(),
            links=[Link(_span_context(each)) for each in links],
            attributes=dict(attributes or {}),
            start_time=start_ns,
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(max(start_ns, end_ns))

    def close(self) -> None:
        """Send what is left; after ``CLOSING_S`` whoever closes goes on, whatever the receiver does."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces-closing", daemon=True)
        closing.start()
        closing.join(CLOSING_S)


class _OtelSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def fail(self) -> None:
        self._span.set_status(Status(StatusCode.ERROR))


def _context_of(traceparent: str) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(_span_context(traceparent)), Context())


def _span_context(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
