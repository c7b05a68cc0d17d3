import pytest

from rag_client import InvalidRequest, NotFound, RagClient
from tests.client.conftest import COLLECTION, QUESTION
from tests.query_api.conftest import BACKUPS, BROKEN, DOCS
from tests.retrieval.small_index import id_of

pytestmark = pytest.mark.xdist_group("client")  # one service for all of them


def test_a_list_goes_on_over_its_pages(rag: RagClient) -> None:
    every = [each.uri for each in rag.documents(COLLECTION, prefix="file:///h/", page_size=1)]
    assert every == sorted(doc.uri for doc in (*DOCS, BROKEN))
    assert [each.uri for each in rag.documents(COLLECTION, state="quarantined")] == [BROKEN.uri]
    assert [each.uri for each in rag.documents(COLLECTION, prefix="file:///h/c")] == ["file:///h/copy.md"]


def test_a_document_shows_its_history_and_its_chunks(rag: RagClient) -> None:
    backups = id_of(COLLECTION, BACKUPS)
    shown = rag.document(backups)
    assert (shown.uri, shown.points, len(shown.arrivals)) == (BACKUPS.uri, 2, 2)
    assert shown.indexed is not None
    read = rag.chunks(str(backups), around=0, reach=1)
    assert read.total == 2
    assert "Backups" in read.chunks[0].text


def test_a_document_that_failed_says_why_and_is_tried_again(rag: RagClient) -> None:
    broken = rag.document(id_of(COLLECTION, BROKEN))
    assert broken.failures[0].kind == "password-required"
    with pytest.raises(InvalidRequest):
        rag.retry_document(id_of(COLLECTION, DOCS[1]))
    assert rag.retry_documents(COLLECTION, kind="no-text").retried == 0
    with pytest.raises(NotFound):
        rag.document("00000000-0000-0000-0000-000000000000")


def test_collections_streams_and_models_are_listed(rag: RagClient) -> None:
    handbook = next(each for each in rag.collections() if each.name == COLLECTION)
    assert handbook.index is not None
    assert handbook.documents is not None
    assert rag.streams() == ()
    assert COLLECTION in [each.id for each in rag.models()]
    assert rag.model(COLLECTION).id == COLLECTION


def test_texts_are_embedded_alike_whichever_way_the_numbers_come(rag: RagClient) -> None:
    packed = rag.embed(COLLECTION, [QUESTION, "Salaries"])
    plain = rag.embed(COLLECTION, [QUESTION, "Salaries"], encoding_format="float", input_type="document")
    assert len(packed.vectors) == 2
    assert packed.vectors[0] == pytest.approx(plain.vectors[0], abs=1e-6)


def test_the_service_says_that_it_is_there(rag: RagClient) -> None:
    assert rag.alive().status == "ok"
    assert rag.wait_until_ready(timeout_s=30).ready
    assert rag.ready().parts["catalog"] == "ok"
