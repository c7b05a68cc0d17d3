"""A stored answer as its asker may see it now: what was taken away since it was made is taken away from it, too."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from query_api.queued.accepting import owner_of
from query_api.rights import served_to
from rag_core.callers import Caller, Scope
from rag_core.queued_answers import AnswerShown, UnknownAnswer, shows_content
from rag_core.vector_index import IndexSearcher, UnknownCollection
from resources.clients.catalog import Catalog


def answer_for(caller: Caller, answer_id: UUID, catalog: Catalog) -> AnswerShown:
    """Return a caller's question; raises ``UnknownAnswer`` for another's, and where its collection may not be read."""
    found = catalog.answers.find(owner_of(caller), answer_id)
    if found is None or not caller.may(Scope.READ, found.collection):
        raise UnknownAnswer(answer_id)
    return found


def is_withheld(caller: Caller, found: AnswerShown, searcher: Callable[[], IndexSearcher]) -> bool:
    """Say whether the answer may not be read any more: groups were taken from the key, or documents from its groups."""
    if found.answer is None or caller.groups is None:
        return False
    if not shows_content(caller, found):
        return True
    cited = frozenset(_documents(found.answer))
    if not cited:
        return False
    try:
        index = served_to(caller, searcher(), found.collection)
        seen = searcher().points_of_documents(index, list(cited), groups=caller.groups)
    except UnknownCollection:
        return True
    return not cited <= set(seen)


def _documents(answer: Mapping[str, Any]) -> Iterator[UUID]:
    for citation in answer.get("citations", ()):
        for place in (citation, *citation.get("also_at", ())):
            yield UUID(place["document_id"])
