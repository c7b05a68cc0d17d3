"""Lists that come in pages, given one by one; the next page is fetched when it is needed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from rag_client.calls import Call
from rag_client.connecting import Connecting
from rag_client.steps import Flow, Give, Steps, sent

P = TypeVar("P")
T = TypeVar("T")


def paged(first: Call[P], items: Callable[[P], Iterable[T]], after: Callable[[P], Mapping[str, Any] | None]) -> Flow[T]:
    """Return the flow that gives every item; ``after`` says what of the query the next page changes, None at the end.

    A page may be short, or empty, before the end.
    """

    def steps(connecting: Connecting) -> Steps[None]:
        call = first
        while True:
            page = yield from sent(call, connecting)
            for item in items(page):
                yield Give(item)
            changed = after(page)
            if changed is None:
                return
            call = replace(call, query={**call.query, **changed})

    return Flow(steps)
