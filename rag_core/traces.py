"""Traces: W3C trace context as text, and the port to what keeps spans. Without one nothing is kept and nothing costs.

A span says when something began and ended, and by which ids it is found again. It never holds text of documents,
questions or answers, and no message of an error: those quote both.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

_TRACE_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
HEADER = "traceparent"
Attributes = Mapping[str, str | int | float | bool]


class SpanKind(StrEnum):
    """Whether a span answers somebody else's request."""

    INTERNAL = "internal"
    SERVER = "server"


class Span(Protocol):
    """A span that has begun; it ends with its ``with`` block."""

    @property
    def traceparent(self) -> str:
        """What makes another span its child; empty where no spans are kept."""
        ...

    def rename(self, name: str) -> None:
        """Give the span the name that is known only now."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""
        ...

    def fail(self) -> None:
        """Say that what it stands for went wrong."""
        ...


class Traces(Protocol):
    """Keeps spans; threads may share it, forked processes must not."""

    @property
    def is_on(self) -> bool:
        """Whether spans are kept at all."""
        ...

    def span(
        self, name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> AbstractContextManager[Span]:
        """Begin a span that is the current one in its block; a child of ``parent`` (a traceparent) or the current."""
        ...

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
        """Add a span that is over, in nanoseconds since 1970; without ``parent`` it begins a trace."""
        ...

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        ...


class _NoSpan:
    """Stands for a span that nobody keeps."""

    traceparent = ""

    def rename(self, name: str) -> None:
        del name

    def note(self, attributes: Attributes) -> None:
        del attributes

    def fail(self) -> None:
        pass

    def __enter__(self) -> "_NoSpan":
        return self

    def __exit__(self, *_: object) -> None:
        pass


_NO_SPAN = _NoSpan()


class _NoTraces:
    """Keeps nothing."""

    is_on = False

    def span(
        self, name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> AbstractContextManager[Span]:
        del name, parent, kind, attributes
        return _NO_SPAN

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
        del name, start_ns, end_ns, parent, links, attributes, failed

    def close(self) -> None:
        pass


NO_TRACES: Traces = _NoTraces()


def valid_traceparent(text: str) -> str:
    """Return a ``traceparent`` as it is; empty where it is none that can be used (all zeros mean "none")."""
    found = _TRACE_PARENT.fullmatch(text)
    return text if found is not None and int(found[1], 16) and int(found[2], 16) else ""


def traceparent_of(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Return the last usable ``traceparent`` of a message's headers; empty without one."""
    found = ""
    for name, value in headers:
        if value is not None and name.lower() == HEADER:
            found = valid_traceparent(value.decode("ascii", "replace")) or found
    return found


def trace_id(traceparent: str) -> str:
    """Return the trace's id; empty without one."""
    return traceparent.split("-")[1] if traceparent else ""
