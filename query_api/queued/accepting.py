"""An asynchronous question on its way into the queue: what is wrong with it is said at once, not hours later."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from query_api.correlation import request_id, trace_parent
from query_api.rights import served_to
from query_api.shapes.asking import AskRequest
from rag_core.callers import Caller
from rag_core.errors import DependencyUnavailable, InvalidRequest
from rag_core.filters import parse_filters
from rag_core.queued_answers import NewAnswer
from rag_core.vector_index import IndexSearcher
from rag_core.webhooks import WebhookHosts
from resources.clients.catalog import Catalog
from resources.clients.catalog.queued.answers import Placed

_NOT_ASKED_AGAIN = {"asynchronous", "stream", "session_id", "webhook_url"}
"""Fields of the request that say how to answer, not what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDesk:
    """Takes questions; ``max_waiting`` is how many may wait."""

    catalog: Callable[[], Catalog]
    searcher: Callable[[], IndexSearcher]
    hosts: WebhookHosts
    max_waiting: int

    def accept(self, body: AskRequest, caller: Caller, *, idempotency_key: str | None) -> Placed:
        """Queue a question; raises ``InvalidRequest`` for what can never be answered, ``AnswersFull``."""
        if body.stream or body.session_id is not None:
            field = "stream" if body.stream else "session_id"
            raise InvalidRequest(
                f"An asynchronous question cannot have the field '{field}'.",
                remedy=f"Leave out 'async', or '{field}'.",
            )
        if body.webhook_url is not None:
            self.hosts.target(body.webhook_url)
        with suppress(DependencyUnavailable):  # while the index is away the question waits; its worker looks again
            parse_filters(body.filters, served_to(caller, self.searcher(), body.collection).fields)
        return self.catalog().answers.add(_new(body, caller, idempotency_key), max_waiting=self.max_waiting)


def see_is_answered_at_once(body: AskRequest, idempotency_key: str | None) -> None:
    """Raise ``InvalidRequest`` where something was sent that only an asynchronous question can have."""
    if body.webhook_url is not None or idempotency_key is not None:
        sent = "field 'webhook_url'" if body.webhook_url is not None else "header Idempotency-Key"
        raise InvalidRequest(
            f"The {sent} belongs to an asynchronous question.", remedy="Add '\"async\": true', or leave it out."
        )


def owner_of(caller: Caller) -> str:
    """Return under whose name a caller's questions are kept: its key's, empty where the server asks for no keys."""
    return caller.key_id or ""


def _new(body: AskRequest, caller: Caller, idempotency_key: str | None) -> NewAnswer:
    whole = body.model_dump(mode="json", by_alias=True)
    return NewAnswer(
        answer_id=uuid4(),
        owner=owner_of(caller),
        collection=body.collection,
        request=body.model_dump(mode="json", by_alias=True, exclude=_NOT_ASKED_AGAIN),
        request_sha256=hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).digest(),
        idempotency_key=idempotency_key,
        webhook_url=body.webhook_url,
        request_id=request_id.get(),
        trace_parent=trace_parent.get(),
    )
