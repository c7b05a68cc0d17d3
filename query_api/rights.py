"""What a caller sees of collections: one that may not be used is looked up as a name that no collection has.

So it takes the same work as a collection that does not exist, and gets the same answer, whose words name only what the
caller may use. Every route that takes or finds a collection goes through here.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from rag_core.callers import Caller, Scope
from rag_core.errors import InvalidRequest
from rag_core.vector_index import IndexGone, IndexSearcher, ServedIndex, UnknownCollection

_Found = TypeVar("_Found")
NO_COLLECTION = "-"
"""A name that no collection can have."""


def seen_name(caller: Caller, collection: str, scope: Scope = Scope.READ) -> str:
    """Return the name under which to look a collection up: its own, or one that does not exist."""
    return collection if caller.may(scope, collection) else NO_COLLECTION


def seen_names(caller: Caller, collections: Iterable[str], scope: Scope = Scope.READ) -> list[str]:
    """Return those of the collections that the caller may use, sorted."""
    return sorted(name for name in set(collections) if caller.may(scope, name))


def served_to(
    caller: Caller,
    searcher: IndexSearcher,
    collection: str,
    *,
    fresh: bool = False,
    pending: Callable[[str], int] = lambda _: 0,
) -> ServedIndex:
    """Return the index of a collection; raises ``UnknownCollection`` for one that the caller may not read, too.

    ``pending`` says how many documents of a collection wait: told only to who may see its figures.
    """
    try:
        return searcher.served(seen_name(caller, collection), fresh=fresh)
    except UnknownCollection as error:
        waiting = pending(collection) if caller.may(Scope.READ, collection) and sees_figures(caller) else 0
        raise UnknownCollection(collection, known=seen_names(caller, error.known), pending=waiting) from None


def asked_of(
    caller: Caller,
    searcher: IndexSearcher,
    collection: str,
    ask: Callable[[ServedIndex], _Found],
    pending: Callable[[str], int] = lambda _: 0,
) -> _Found:
    """Return what ``ask`` finds in the index of a collection; one replaced in between is looked up once more.

    Raises what ``served_to`` and ``ask`` raise.
    """
    try:
        return ask(served_to(caller, searcher, collection, pending=pending))
    except IndexGone:
        return ask(served_to(caller, searcher, collection, fresh=True, pending=pending))


def see_known(caller: Caller, collection: str, names: Callable[[], Iterable[str]], scope: Scope = Scope.READ) -> None:
    """Raise ``InvalidRequest`` where a collection is not among ``names`` or the caller may not use it."""
    known = set(names())
    if seen_name(caller, collection, scope) not in known:
        raise InvalidRequest(
            f"There is no collection named {collection!r}; there are: "
            f"{', '.join(seen_names(caller, known, scope)) or 'none yet'}.",
            remedy="Name one of them, or declare it in a collection file.",
        )


def sees_figures(caller: Caller) -> bool:
    """Say whether the caller may see what counts a collection's documents: figures know no groups."""
    return caller.groups is None
