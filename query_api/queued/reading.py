"""A stored answer as its asker may see it now: what was taken away or deleted since is taken away from it, too."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from query_api.queued.accepting import owner_of
from query_api.seen_documents import SeenDocuments
from rag_core.callers import Caller, Scope
from rag_core.queued_answers import AnswerShown, UnknownAnswer
from resources.clients.catalog import Catalog


def answer_for(caller: Caller, answer_id: UUID, catalog: Catalog) -> AnswerShown:
    """Return a caller's question; raises ``UnknownAnswer`` for another's, and where its collection may not be read."""
    found = catalog.answers.find(owner_of(caller), answer_id)
    if found is None or not caller.may(Scope.READ, found.collection):
        raise UnknownAnswer(answer_id)
    return found


def is_withheld(seen: SeenDocuments, found: AnswerShown) -> bool:
    """Say whether the answer may not be read any more.

    Groups were taken from the key, documents from its groups, or one that the answer cites is gone.
    """
    if found.answer is None:
        return False
    if not seen.caller.still_sees(found.seen_as):
        return True
    cited = frozenset(_documents(found.answer))
    return bool(cited) and not seen.sees_all(found.collection, cited)


def _documents(answer: Mapping[str, Any]) -> Iterator[UUID]:
    for citation in answer.get("citations", ()):
        for place in (citation, *citation.get("also_at", ())):
            yield UUID(place["document_id"])
