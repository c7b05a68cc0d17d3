"""Record, then act: what is new, what is a no-op, numbers without gaps."""

import threading
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag_core.errors import InvalidRequest
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.blocks import Fill, fill_blocks
from resources.clients.catalog.values import PartitionLimits, PositionChange, PositionMoved
from tests.catalog.observing import COLLECTION, LIMITS, ROOMY, SOURCE, gone, present, record, rows


def test_repeated_observation_is_a_no_op(catalog: Catalog) -> None:
    assert record(catalog, present("a")).new == 1
    again = record(catalog, present("a"))
    assert (again.new, again.same, again.first_number) == (0, 1, None)


def test_going_back_to_an_earlier_version_is_a_new_arrival(catalog: Catalog) -> None:
    numbers = [record(catalog, present("a", version)).first_number for version in ("A", "B", "A")]
    assert numbers == [0, 1, 2]


def test_delete_and_re_add_and_second_delete_are_new_arrivals(catalog: Catalog) -> None:
    seen = [present("a"), gone("a"), present("a"), gone("a")]
    assert [record(catalog, each).new for each in seen] == [1, 1, 1, 1]


def test_delete_of_the_unknown_or_already_gone_is_a_no_op(catalog: Catalog) -> None:
    assert record(catalog, gone("never")).new == 0
    record(catalog, present("a"), gone("a"))
    assert record(catalog, gone("a")).new == 0


def test_one_recording_keeps_the_order_of_its_observations(catalog: Catalog, url: str) -> None:
    record(catalog, present("a", "A"))
    recorded = record(catalog, present("a", "A"), present("a", "B"), present("a", "B"), present("a", "A"), gone("x"))
    assert (recorded.new, recorded.same) == (2, 3)
    assert rows(url, "SELECT number, announced FROM arrivals ORDER BY number") == [(0, "A"), (1, "B"), (2, "A")]
    assert rows(url, "SELECT announced, number FROM observations") == [("A", 2)]


def test_observation_without_a_version_is_always_new(catalog: Catalog) -> None:
    assert [record(catalog, present("a", "")).new for _ in range(2)] == [1, 1]


def test_sources_and_collections_are_apart(catalog: Catalog) -> None:
    record(catalog, present("a"))
    assert catalog.recording.record(COLLECTION, "other", [present("a")], limits=LIMITS).first_number == 1
    assert catalog.recording.record("other", SOURCE, [present("a")], limits=LIMITS).first_number == 0


def test_block_is_full_at_its_size_or_its_bytes(catalog: Catalog) -> None:
    assert record(catalog, *(present(f"a{i}") for i in range(6))).partitions == (0, 1)
    assert record(catalog, present("big", size_bytes=990)).partitions == (2,)
    assert record(catalog, present("huge", size_bytes=5000), present("next")).partitions == (3, 4)
    blocks = catalog.queries.blocks(COLLECTION)
    assert [(block.first_number, block.arrivals, block.is_full) for block in blocks] == [
        (0, 4, True),
        (4, 2, True),
        (6, 1, True),
        (7, 1, True),
        (8, 1, False),
    ]


@given(
    sizes=st.lists(st.integers(0, 50), max_size=60),
    opened=st.tuples(st.integers(0, 5), st.integers(0, 60)),
    limits=st.builds(PartitionLimits, size=st.integers(1, 5), bytes=st.integers(1, 60)),
)
def test_every_arrival_lies_in_one_bounded_block(
    sizes: list[int], opened: tuple[int, int], limits: PartitionLimits
) -> None:
    fills = fill_blocks(Fill(partition=7, arrivals=opened[0], bytes=opened[1], first=0), sizes, limits)
    assert sum(fill.added for fill in fills) == len(sizes)
    assert (
        [fill.partition for fill in fills] == list(range(fills[0].partition, fills[0].partition + len(fills)))
        if fills
        else True
    )
    for fill in fills:
        added = sizes[fill.first : fill.first + fill.added]
        assert fill.added_bytes == sum(added)
        if fill.partition > 7:
            assert fill.arrivals == fill.added <= limits.size
            assert fill.bytes <= limits.bytes or fill.added == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["v1", "v2", None])), max_size=6), max_size=8
    )
)
def test_any_sequence_of_recordings_equals_a_list_of_changes(
    catalog: Catalog, url: str, batches: list[list[tuple[str, str | None]]]
) -> None:
    collection = f"c{uuid4().hex[:12]}"
    changes: list[tuple[str, str | None]] = []
    latest: dict[str, str | None] = {}
    for batch in batches:
        seen = [gone(key) if version is None else present(key, version) for key, version in batch]
        catalog.recording.record(collection, SOURCE, seen, limits=LIMITS)
        for key, version in batch:
            if latest.get(key) != version:
                changes.append((key, version))
                latest[key] = version
    recorded = rows(
        url,
        "SELECT key, nullif(announced, ''), number, partition FROM arrivals WHERE collection = %s ORDER BY number",
        [collection],
    )
    assert recorded == [(key, version, n, n // 4) for n, (key, version) in enumerate(changes)]


def test_position_moves_with_the_recording_or_neither(catalog: Catalog) -> None:
    change = PositionChange(value={"after": "a"}, expected_version=0)
    catalog.recording.record(COLLECTION, SOURCE, [present("a")], limits=LIMITS, position=change)
    assert catalog.recording.position(COLLECTION, SOURCE).version == 1
    with pytest.raises(PositionMoved):
        catalog.recording.record(COLLECTION, SOURCE, [present("b")], limits=LIMITS, position=change)
    assert record(catalog, present("b")).first_number == 1
    assert catalog.recording.position(COLLECTION, SOURCE).value == {"after": "a"}


def test_of_two_ticks_with_one_expectation_only_one_records(catalog: Catalog, url: str) -> None:
    change = PositionChange(value={}, expected_version=0)
    catalog.recording.record(COLLECTION, SOURCE, [], limits=LIMITS, position=change)
    barrier = threading.Barrier(2)
    results: list[str] = []

    def tick(name: str) -> None:
        with open_catalog(url) as mine:
            barrier.wait()
            try:
                mine.recording.record(
                    COLLECTION,
                    SOURCE,
                    [present(name)],
                    limits=LIMITS,
                    position=PositionChange(value={"by": name}, expected_version=1),
                )
                results.append("recorded")
            except PositionMoved:
                results.append("moved")

    _together(lambda: tick("a"), lambda: tick("b"))
    assert sorted(results) == ["moved", "recorded"]
    assert rows(url, "SELECT count(*) FROM arrivals") == [(1,)]


def test_concurrent_recorders_lose_nothing_double_nothing_and_leave_no_gap(url: str) -> None:
    batches = [[present(f"k{(i * 7 + n) % 30}", f"v{n % 3}") for i in range(10)] for n in range(8)]
    barrier = threading.Barrier(4)

    def recorder(first: int) -> None:
        with open_catalog(url) as mine:
            barrier.wait()
            for batch in batches[first:] + batches[:first]:
                record(mine, *batch)

    _together(*(lambda n=n: recorder(n * 2) for n in range(4)))
    arrivals = rows(url, "SELECT number, partition, key, presence, announced FROM arrivals ORDER BY number")
    assert [row[0] for row in arrivals] == list(range(len(arrivals)))
    assert [row[1] for row in arrivals] == [number // 4 for number in range(len(arrivals))]
    last: dict[str, str] = {}
    for _, _, key, _, announced in arrivals:
        assert last.get(key) != announced, "the same observation twice in a row"
        last[key] = announced
    assert dict(rows(url, "SELECT key, announced FROM observations")) == last
    assert rows(url, "SELECT sum(arrivals) FROM blocks") == [(len(arrivals),)]


def test_two_recorders_of_one_observation_add_it_once(url: str) -> None:
    barrier = threading.Barrier(4)

    def recorder() -> None:
        with open_catalog(url) as mine:
            for n in range(10):
                barrier.wait()
                record(mine, present("a", f"v{n}"), present("b", f"v{n}"))

    _together(*[recorder] * 4)
    assert rows(url, "SELECT count(*), max(number) FROM arrivals") == [(20, 19)]


def test_rolled_back_recording_leaves_no_gap(catalog: Catalog) -> None:
    def broken():
        yield present("a")
        raise RuntimeError("the listing broke")

    with pytest.raises(RuntimeError, match="listing broke"):
        catalog.recording.record(COLLECTION, SOURCE, broken(), limits=LIMITS)
    assert record(catalog, present("b")).first_number == 0


def test_recorder_does_not_wait_for_a_locked_document(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    with psycopg.connect(url) as writer:
        writer.execute("SELECT 1 FROM arrivals, documents FOR UPDATE")
        writer.execute("SELECT 1 FROM arrivals FOR UPDATE")
        assert record(catalog, present("a", "v2")).new == 1


@pytest.mark.parametrize("key", ["a\0b", "x" * 3000, "\udcff"])
def test_key_that_cannot_be_stored_is_refused_by_name(catalog: Catalog, key: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be recorded"):
        record(catalog, present(key))


def test_fifty_thousand_observations_in_one_recording(catalog: Catalog) -> None:
    recorded = record(catalog, *(present(f"k/{i:06d}") for i in range(50_000)), limits=ROOMY)
    assert (recorded.new, recorded.last_number, len(recorded.partitions)) == (50_000, 49_999, 98)


def _together(*calls) -> None:
    errors: list[BaseException] = []

    def run(call) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not errors, errors
