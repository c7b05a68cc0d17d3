"""The order of messages: one newest, whatever order they are seen in."""

from functools import reduce
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from rag_core.messages.ordering import MessagePlace, is_newer


@st.composite
def histories(draw: st.DrawFn) -> list[MessagePlace]:
    """Return places of one key; in each partition time does not run backwards."""
    places: list[MessagePlace] = []
    for incarnation in range(1, draw(st.integers(1, 3)) + 1):
        for partition in range(draw(st.integers(1, 3))):
            steps = draw(st.lists(st.integers(0, 2), max_size=5))
            places += [
                MessagePlace(incarnation=incarnation, partition=partition, offset=offset, timestamp_ms=at)
                for offset, at in enumerate(accumulate(steps))
            ]
    return places


def newest(places: list[MessagePlace]) -> MessagePlace:
    return reduce(lambda kept, place: place if is_newer(place, kept) else kept, places)


@given(histories().filter(bool), st.randoms(use_true_random=False))
def test_the_newest_is_the_same_in_whatever_order_messages_are_seen(places: list[MessagePlace], chance: object) -> None:
    shuffled = list(places)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert newest(shuffled) == newest(places)
    assert newest([*shuffled, *places]) == newest(places)


@given(histories())
def test_of_two_places_one_is_newer_and_none_than_itself(places: list[MessagePlace]) -> None:
    for this in places:
        for other in places:
            assert (is_newer(this, other) + is_newer(other, this)) == (this != other)


@given(histories())
def test_no_two_places_announce_the_same(places: list[MessagePlace]) -> None:
    assert len({place.announced for place in places}) == len(places)


def test_a_topic_made_again_is_newer_whatever_its_clock_says() -> None:
    before = MessagePlace(incarnation=1, partition=0, offset=900, timestamp_ms=2_000)
    after = MessagePlace(incarnation=2, partition=0, offset=0, timestamp_ms=1_000)
    assert is_newer(after, before)
    assert after.announced == "2/0/0"


def test_within_a_partition_the_broker_decides_and_no_clock() -> None:
    first = MessagePlace(incarnation=1, partition=0, offset=1, timestamp_ms=2_000)
    second = MessagePlace(incarnation=1, partition=0, offset=2, timestamp_ms=1_000)
    assert is_newer(second, first)
    assert not is_newer(first, second)


def test_across_partitions_the_later_record_is_newer() -> None:
    before = MessagePlace(incarnation=1, partition=5, offset=70, timestamp_ms=1_000)
    after = MessagePlace(incarnation=1, partition=2, offset=3, timestamp_ms=1_001)
    assert is_newer(after, before)
