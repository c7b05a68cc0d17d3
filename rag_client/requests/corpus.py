"""Documents, collections and streams."""

from typing import TypeVar

from rag_client.calls import Call, given
from rag_client.requests.pages import paged
from rag_client.requests.words import Id
from rag_client.shapes.citations import DocumentChunks
from rag_client.shapes.documents import (
    Collection,
    CollectionList,
    CollectionStreams,
    Document,
    DocumentDetail,
    DocumentPage,
    Retried,
    StreamList,
)
from rag_client.steps import Flow, once, part

T = TypeVar("T")


def documents(
    collection: str,
    *,
    state: str | None = None,
    prefix: str | None = None,
    after: str | None = None,
    page_size: int | None = None,
) -> Flow[Document]:
    """List documents by URI, or in a ``state`` in the order of their arrival; ``prefix`` is how their URIs begin."""
    query = given(collection=collection, state=state, prefix=prefix, after=after, limit=page_size)
    call = Call(method="GET", path="/v1/documents", query=query, shape=DocumentPage, is_repeatable=True)
    return paged(
        call, lambda page: page.documents, lambda page: None if page.next_after is None else {"after": page.next_after}
    )


def document(document_id: Id) -> Flow[DocumentDetail]:
    """Show a document: its state with the reason, what the index holds of it, its arrivals and how it failed."""
    return once(_of_document("GET", "/v1/documents/{document_id}", document_id, DocumentDetail))


def chunks(document_id: Id, *, around: int | None = None, reach: int | None = None) -> Flow[DocumentChunks]:
    """Read a document around a citation: ``around`` is its ``ordinal``, ``reach`` how many before and behind it."""
    return once(
        Call(
            method="GET",
            path="/v1/documents/{document_id}/chunks",
            at={"document_id": str(document_id)},
            query=given(around=around, reach=reach),
            shape=DocumentChunks,
            is_repeatable=True,
        )
    )


def retry_document(document_id: Id) -> Flow[Retried]:
    """Make a quarantined or waiting document due at once; for administrators."""
    return once(_of_document("POST", "/v1/documents/{document_id}/retry", document_id, Retried))


def retry_documents(
    collection: str, *, state: str | None = None, kind: str | None = None, prefix: str | None = None
) -> Flow[Retried]:
    """Make a collection's quarantined documents due at once, or those in another ``state``; for administrators.

    ``kind`` leaves those that failed for that reason, ``prefix`` those whose URIs begin with it.
    """
    return once(
        Call(
            method="POST",
            path="/v1/collections/{collection}/retry",
            at={"collection": collection},
            body=given(state=state, kind=kind, prefix=prefix),
            shape=Retried,
            is_repeatable=False,
        )
    )


def collections() -> Flow[tuple[Collection, ...]]:
    """List collections: documents by state, the index that serves each, how fresh it is."""
    call = Call(method="GET", path="/v1/collections", shape=CollectionList, is_repeatable=True)
    return part(call, lambda whole: whole.collections)


def streams() -> Flow[tuple[CollectionStreams, ...]]:
    """List the streams of Kafka: how far each is recorded, and what waits for a person."""
    call = Call(method="GET", path="/v1/streams", shape=StreamList, is_repeatable=True)
    return part(call, lambda whole: whole.collections)


def _of_document(method: str, path: str, document_id: Id, shape: type[T]) -> Call[T]:
    at = {"document_id": str(document_id)}
    return Call(method=method, path=path, at=at, shape=shape, is_repeatable=method == "GET")
