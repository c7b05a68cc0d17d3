from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from rag_core.index_spec import Payload
from rag_core.reconciling import PointState, WantedDocument, WantedPoint, described, difference, place_key

DOCUMENT = UUID(int=1)


def wanted(points: dict[int, tuple[str, int]], title: str = "t") -> WantedDocument:
    return WantedDocument(
        document_id=DOCUMENT,
        payload=described({Payload.DOCUMENT_ID: str(DOCUMENT), Payload.TITLE: title}),
        points=[
            WantedPoint(
                point_id=UUID(int=number), embedding_key=key, place={Payload.ORDINAL: at, Payload.TEXT: "ignored"}
            )
            for number, (key, at) in points.items()
        ],
    )


def present(points: dict[int, tuple[str, int]], title: str = "t") -> dict[UUID, PointState]:
    document = wanted(points, title)
    return {
        point.point_id: PointState(
            embedding_key=point.embedding_key,
            place_key=place_key(point.place),
            document_key=document.document_key,
        )
        for point in document.points
    }


POINTS = st.dictionaries(st.integers(1, 6), st.tuples(st.sampled_from("abc"), st.integers(0, 3)))


@given(POINTS, POINTS, st.sampled_from("tu"), st.sampled_from("tu"))
def test_applying_the_difference_gives_what_is_wanted(
    new: dict[int, tuple[str, int]], old: dict[int, tuple[str, int]], new_title: str, old_title: str
) -> None:
    document = wanted(new, new_title)
    held = present(old, old_title)
    change = difference(document, held)
    target = present(new, new_title)
    for point in change.upsert:
        held[point.point_id] = target[point.point_id]
    for point in change.set_place:
        state = held[point.point_id]
        held[point.point_id] = PointState(
            embedding_key=state.embedding_key, place_key=place_key(point.place), document_key=state.document_key
        )
    if change.set_document:
        held = {
            point: PointState(
                embedding_key=state.embedding_key, place_key=state.place_key, document_key=document.document_key
            )
            for point, state in held.items()
        }
    for point in change.delete:
        del held[point]
    assert held == target
    assert difference(document, held).is_empty


def test_equal_documents_change_nothing() -> None:
    assert difference(wanted({1: ("a", 0)}), present({1: ("a", 0)})).is_empty


def test_a_chunk_that_only_moved_is_not_written_again() -> None:
    change = difference(wanted({1: ("a", 4), 2: ("b", 1)}), present({1: ("a", 3), 2: ("b", 1)}))
    assert [point.point_id.int for point in change.set_place] == [1]
    assert not change.upsert
    assert not change.delete


def test_a_new_title_alone_writes_the_documents_keys_once() -> None:
    change = difference(wanted({1: ("a", 0)}, "new"), present({1: ("a", 0)}, "old"))
    assert change.set_document
    assert not change.upsert
    assert not change.set_place
