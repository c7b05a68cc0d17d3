"""Traces as the settings ask for them; OpenTelemetry is imported only where they do."""

from rag_core.errors import ConfigurationError
from rag_core.traces import NO_TRACES, Traces
from resources.clients.settings import Settings


def open_traces(settings: Settings, *, service: str) -> Traces:
    """Return what keeps the spans of this process; raises ``ConfigurationError`` where the packages are missing."""
    if settings.otlp_endpoint is None:
        return NO_TRACES
    try:
        from resources.clients.tracing.otel import OtelTraces
    except ImportError as error:
        raise ConfigurationError(
            "RAG_OTLP_ENDPOINT is set and OpenTelemetry is not installed.",
            remedy="Install rag-assets[otel], or leave RAG_OTLP_ENDPOINT out.",
        ) from error
    return OtelTraces(settings.otlp_endpoint, service=service)
