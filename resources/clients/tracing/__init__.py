"""Where spans go: to a receiver of OTLP over HTTP, or nowhere."""

from resources.clients.tracing.choosing import open_traces

__all__ = ["open_traces"]
