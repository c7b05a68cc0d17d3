"""The documents that a caller may know of.

Which groups may find a document is written in the index and nowhere else, so a key with groups sees those documents of
which the index holds something for it. What waits, or could not be indexed, its uploader learns from the job.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from query_api.problems import NotFound
from query_api.rights import asked_of, seen_name, seen_names
from rag_core.arrivals import ArrivalState
from rag_core.callers import Caller, Scope
from rag_core.errors import InvalidRequest
from rag_core.vector_index import IndexSearcher, ServedIndex, UnknownCollection
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DocumentPage, DocumentRow

_LOOKED_AT_ONCE = 500
_LOOKS = 20
"""After so many pages of documents that the caller may not see, the answer is what was found until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDocuments:
    """Looks for documents with one caller's eyes."""

    catalog: Catalog
    searcher: Callable[[], IndexSearcher]
    caller: Caller

    def find(self, document_id: UUID, scope: Scope = Scope.READ) -> DocumentRow | None:
        """Return a document, or None for one that is not there and one that the caller may not know of alike.

        The work is the same for both: the index is asked about a document that is nowhere, too.
        """
        row = self.catalog.queries.document(document_id)
        if row is not None and not self.caller.may(scope, row.collection):
            row = None
        if self.caller.groups is None:
            return row
        there = seen_names(self.caller, self.catalog.queries.collections(), scope)
        collection = row.collection if row is not None else next(iter(there), "")
        is_seen = document_id in self._seen(collection, [document_id])
        return row if is_seen else None

    def known(self, document_id: UUID, scope: Scope = Scope.READ) -> DocumentRow:
        """Return a document; raises ``NotFound`` in the same words for all that ``find`` does not return."""
        row = self.find(document_id, scope)
        if row is None:
            raise NotFound(
                f"There is no document {document_id}.", remedy="GET /v1/documents?collection=NAME lists what there is."
            )
        return row

    def sees_all(self, collection: str, documents: Collection[UUID]) -> bool:
        """Say whether the index holds something of each of these documents for the caller."""
        return set(documents) <= set(self._seen(collection, list(documents)))

    def page(
        self, collection: str, *, state: ArrivalState | None, prefix: str, after: str | None, limit: int
    ) -> DocumentPage:
        """Return a page of a collection's documents; an empty one for a collection that the caller may not read.

        For a key with groups ``next_after`` is an arrival's number: it tells nothing of a document that is not shown.
        """
        queries, name = self.catalog.queries, seen_name(self.caller, collection)
        if self.caller.groups is None:
            return queries.documents(name, state=state, prefix=prefix, after=after, limit=limit)
        shown: list[DocumentRow] = []
        place, last = self._place(name, after, by_state=state is not None), ""
        for _ in range(_LOOKS):
            looked_at = queries.documents(name, state=state, prefix=prefix, after=place, limit=_LOOKED_AT_ONCE)
            seen = self._seen(collection, [row.document_id for row in looked_at.documents])
            for row in looked_at.documents:
                if row.document_id in seen:
                    if len(shown) == limit:
                        return DocumentPage(documents=tuple(shown), next_after=str(shown[-1].newest_arrival))
                    shown.append(row)
                last = str(row.newest_arrival)
            place = looked_at.next_after
            if place is None:
                return DocumentPage(documents=tuple(shown), next_after=None)
        return DocumentPage(documents=tuple(shown), next_after=last)

    def _place(self, collection: str, after: str | None, *, by_state: bool) -> str | None:
        if not after or by_state:
            return after
        place = self.catalog.queries.place_of(collection, int(after)) if _is_number(after) else None
        if place is None:
            raise InvalidRequest("Unknown page.", remedy="Pass next_after of the page before, unchanged.")
        return place

    def _seen(self, collection: str, documents: Sequence[UUID]) -> Mapping[UUID, int]:
        searcher = self.searcher()

        def counted(index: ServedIndex) -> Mapping[UUID, int]:
            return searcher.points_of_documents(index, documents, groups=self.caller.groups)

        try:
            return asked_of(self.caller, searcher, collection, counted)
        except UnknownCollection:
            return {}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
