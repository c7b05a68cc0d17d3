"""What every searcher promises of a document's neighbouring chunks: their order, bounds, rights, and what is gone."""

from collections.abc import Sequence

import pytest

from rag_core.index_spec import Payload
from rag_core.vector_index import IndexGone, IndexSearcher
from tests.pipeline.word_embedder import WordEmbedder
from tests.retrieval.small_index import Doc, id_of, write_docs
from tests.vector_index.stores import TestedStore

EMBEDDER = WordEmbedder()
LONG = Doc(uri="file:///long", texts=[f"Part {number} of the long text." for number in range(12)], page=4)
OTHER = Doc(uri="file:///other", texts=["Part of another text."])
SECRET = Doc(uri="file:///secret", texts=["One secret.", "Two secrets."], groups=["board"])


@pytest.fixture
def searcher(store: TestedStore, collection: str) -> IndexSearcher:
    write_docs(store.writer(), collection, EMBEDDER, [LONG, OTHER, SECRET])
    return store.searcher()


def texts(
    searcher: IndexSearcher, collection: str, doc: Doc, first: int, last: int, groups: Sequence[str] | None = None
) -> list[str]:
    index = searcher.served(collection)
    found = searcher.chunks_of_document(index, id_of(collection, doc), first=first, last=last, groups=groups)
    return [payload[Payload.TEXT] for payload in found]


def test_chunks_come_in_their_order_and_only_those_asked_for(searcher: IndexSearcher, collection: str) -> None:
    assert texts(searcher, collection, LONG, 8, 10) == list(LONG.texts[8:11])
    assert texts(searcher, collection, LONG, 0, 40) == list(LONG.texts)
    assert texts(searcher, collection, LONG, 12, 40) == []
    assert texts(searcher, collection, OTHER, 0, 40) == list(OTHER.texts)


def test_chunks_carry_their_whole_payload(searcher: IndexSearcher, collection: str) -> None:
    index = searcher.served(collection)
    (found,) = searcher.chunks_of_document(index, id_of(collection, LONG), first=3, last=3, groups=None)
    assert (found[Payload.ORDINAL], found[Payload.URI], found[Payload.FIRST_PAGE]) == (3, LONG.uri, 4)
    assert found[Payload.VERSION] == "sha256:1"


def test_chunks_are_seen_by_the_documents_groups_alone(searcher: IndexSearcher, collection: str) -> None:
    assert texts(searcher, collection, SECRET, 0, 9) == list(SECRET.texts)
    assert texts(searcher, collection, SECRET, 0, 9, ["board", "x"]) == list(SECRET.texts)
    assert texts(searcher, collection, SECRET, 0, 9, ["x"]) == []
    assert texts(searcher, collection, SECRET, 0, 9, []) == []
    assert texts(searcher, collection, LONG, 0, 0, []) == list(LONG.texts[:1])


def test_chunks_of_a_dropped_index_are_gone(store: TestedStore, searcher: IndexSearcher, collection: str) -> None:
    index = searcher.served(collection)
    store.drop(index.physical)
    with pytest.raises(IndexGone):
        searcher.chunks_of_document(index, id_of(collection, LONG), first=0, last=1, groups=None)
