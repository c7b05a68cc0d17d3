"""Deleting needs certainty: known keys, sweeps, safety stops and what a person's confirmation lets through."""

import pytest

from rag_core.errors import InvalidRequest
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Concluded, PositionChange, PositionMoved, StopKind
from tests.catalog.observing import COLLECTION, LIMITS, ROOMY, SOURCE, gone, present, record, rows


def fill(catalog: Catalog, count: int) -> list[str]:
    keys = [f"k{i:03d}" for i in range(count)]
    record(catalog, *map(present, keys), limits=ROOMY)
    return keys


def presences(url: str) -> dict[str, str]:
    return dict(rows(url, "SELECT key, presence FROM observations"))


def test_known_keys_come_bytewise_and_by_range(catalog: Catalog) -> None:
    record(catalog, *map(present, ["b", "a/é", "a", "B", "a/z", "gone"]), gone("gone"))
    keys = [known.key for known in catalog.sources.known(COLLECTION, SOURCE, after_key="", through_key=None, limit=9)]
    assert keys == sorted(keys, key=str.encode) == ["B", "a", "a/z", "a/é", "b"]
    some = catalog.sources.known(COLLECTION, SOURCE, after_key="B", through_key="a/z", limit=9)
    assert [(known.key, known.announced) for known in some] == [("a", "v1"), ("a/z", "v1")]
    assert len(catalog.sources.known(COLLECTION, SOURCE, after_key="", through_key=None, limit=2)) == 2


def test_complete_sweep_records_what_is_missing_as_gone(catalog: Catalog, url: str) -> None:
    keys = fill(catalog, 10)
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    change = PositionChange(value={"after": "k009"}, expected_version=0)
    catalog.recording.record(
        COLLECTION, SOURCE, [], limits=LIMITS, position=change, sweep_id=sweep.id, missing=keys[:3]
    )
    assert catalog.sources.missing(COLLECTION, SOURCE, sweep.id).candidates == 3
    ended = catalog.sources.conclude(
        COLLECTION, SOURCE, sweep.id, limits=ROOMY, position=PositionChange(value={}, expected_version=1)
    )
    assert (ended.recorded.new, ended.stop) == (3, None)
    assert [key for key, presence in sorted(presences(url).items()) if presence == "gone"] == keys[:3]
    with pytest.raises(PositionMoved):
        catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY)


def test_key_seen_again_since_the_sweep_began_is_not_deleted(catalog: Catalog, url: str) -> None:
    keys = fill(catalog, 3)
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, keys)
    record(catalog, present(keys[0], "new version"))
    assert catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY).recorded.new == 2
    assert presences(url) == {keys[0]: "present", keys[1]: "gone", keys[2]: "gone"}


def test_new_sweep_forgets_the_candidates_of_an_unfinished_one(catalog: Catalog) -> None:
    keys = fill(catalog, 3)
    first = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, first.id, keys)
    second = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    with pytest.raises(PositionMoved):
        catalog.sources.stage_missing(COLLECTION, SOURCE, first.id, keys)
    assert catalog.sources.conclude(COLLECTION, SOURCE, second.id, limits=ROOMY).recorded.new == 0


@pytest.mark.parametrize(
    ("total", "missing", "stops"), [(100, 20, False), (100, 21, True), (30, 19, False), (30, 20, True)]
)
def test_mass_deletion_stops_red_above_a_fifth_of_at_least_twenty(
    catalog: Catalog, url: str, total: int, missing: int, stops: bool
) -> None:
    keys = fill(catalog, total)
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, keys[:missing])
    ended = catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY)
    assert (ended.stop is not None) is stops
    assert ended.recorded.new == (0 if stops else missing)
    assert list(presences(url).values()).count("gone") == (0 if stops else missing)


def test_confirmation_lets_exactly_the_shown_deletions_through(catalog: Catalog, url: str) -> None:
    keys = fill(catalog, 60)
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, keys[:30])
    stop = catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY).stop
    assert stop is not None
    assert (stop.kind, stop.detail["candidates"], stop.detail["present_total"]) == (StopKind.MASS_DELETION, 30, 60)
    record(catalog, present(keys[0], "came back"))
    assert catalog.sources.confirm(stop.id, by="ana", limits=ROOMY).new == 29
    assert [key for key, presence in sorted(presences(url).items()) if presence == "gone"] == keys[1:30]
    assert catalog.sources.stopped(COLLECTION) == []
    with pytest.raises(InvalidRequest):
        catalog.sources.confirm(stop.id, by="ana", limits=ROOMY)


def swept(catalog: Catalog, missing: list[str], *, saw_all: bool = True) -> Concluded:
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, missing)
    return catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY, saw_all=saw_all)


def test_a_stop_shows_what_is_missing_now_and_confirms_that_alone(catalog: Catalog, url: str) -> None:
    keys = fill(catalog, 100)
    first = swept(catalog, keys[:50]).stop
    fewer = swept(catalog, keys[10:50]).stop
    assert first is not None
    assert fewer is not None
    assert (fewer.id, fewer.detail["candidates"], fewer.stopped_at) == (first.id, 40, first.stopped_at)
    assert fewer.reason.startswith("40 of 100 objects")
    more = swept(catalog, keys[10:60]).stop
    assert more is not None
    assert (more.detail["candidates"], more.stopped_at) == (50, first.stopped_at)
    with pytest.raises(InvalidRequest):  # nobody was shown these fifty under that number
        catalog.sources.confirm(first.id, by="ana", limits=ROOMY)
    assert catalog.sources.confirm(more.id, by="ana", limits=ROOMY).new == 50
    assert [key for key, presence in sorted(presences(url).items()) if presence == "gone"] == keys[10:60]


def test_a_stop_is_lifted_when_what_was_missing_is_back(catalog: Catalog, url: str) -> None:
    keys = fill(catalog, 100)
    stop = swept(catalog, keys[:50]).stop
    assert swept(catalog, keys[:20], saw_all=False).stop == stop, "what nobody looked at is not back"
    ended = swept(catalog, keys[:20])
    assert stop is not None
    assert (ended.lifted and ended.lifted.id, ended.stop, ended.recorded.new) == (stop.id, None, 20)
    assert catalog.sources.stopped(COLLECTION) == []
    assert rows(url, "SELECT confirmed_by FROM stops") == [("what was missing is back",)]
    assert catalog.sources.begin_sweep(COLLECTION, SOURCE)
    assert rows(url, "SELECT count(*) FROM sweep_missing") == [(0,)]


def test_a_source_that_only_grows_lets_nothing_through(catalog: Catalog) -> None:
    keys = fill(catalog, 50)
    assert swept(catalog, keys[:25]).stop is not None
    record(catalog, *(present(f"new{number}") for number in range(200)), limits=ROOMY)
    ended = swept(catalog, keys[:25])
    assert (ended.lifted, ended.recorded.new) == (None, 0)
    assert ended.stop is not None
    assert ended.stop.reason.startswith("25 of 250 objects")


def test_a_stop_of_changed_globs_is_lifted_when_they_are_put_back(catalog: Catalog) -> None:
    catalog.sources.declared(COLLECTION, {SOURCE: "old"})
    keys = fill(catalog, 30)
    catalog.sources.declared(COLLECTION, {SOURCE: "new"})
    assert swept(catalog, keys[:25]).stop is not None
    assert swept(catalog, keys[:1]).stop is not None, "any deletion of other globs asks a person"
    catalog.sources.declared(COLLECTION, {SOURCE: "old"})
    ended = swept(catalog, keys[:1])
    assert (ended.stop, ended.recorded.new) == (None, 1)
    assert ended.lifted is not None


def test_a_source_put_back_is_swept_at_once_and_what_waited_for_it_is_due(catalog: Catalog, url: str) -> None:
    catalog.sources.declared(COLLECTION, {SOURCE: "g", "other": "g"})
    done = {"running": None, "last": {"looked_at": 2}, "root": "r"}
    catalog.recording.record(
        COLLECTION, SOURCE, [present("a")], limits=ROOMY, position=PositionChange(value=done, expected_version=0)
    )
    catalog.sources.declared(COLLECTION, {"other": "g"})
    rows(url, "UPDATE arrivals SET due_at = now() + interval '10 minutes', stays = 5")
    catalog.sources.declared(COLLECTION, {"other": "g"})
    assert catalog.recording.position(COLLECTION, SOURCE).value["last"] is not None
    catalog.sources.declared(COLLECTION, {SOURCE: "g", "other": "g"})
    assert catalog.recording.position(COLLECTION, SOURCE).value == {"running": None, "last": None, "root": "r"}
    assert rows(url, "SELECT due_at <= now(), stays FROM arrivals") == [(True, 0)]
    version = catalog.recording.position(COLLECTION, SOURCE).version
    catalog.sources.declared(COLLECTION, {SOURCE: "g", "other": "g"})
    assert catalog.recording.position(COLLECTION, SOURCE).version == version


def test_changed_root_stops_and_its_confirmation_is_remembered(catalog: Catalog) -> None:
    stop = catalog.sources.stop(COLLECTION, SOURCE, StopKind.ROOT_CHANGED, "Another disk.", {"root": "42-7"})
    again = catalog.sources.stop(COLLECTION, SOURCE, StopKind.ROOT_CHANGED, "Yet another.", {"root": "43-1"})
    assert again == stop
    assert catalog.sources.confirmed(COLLECTION, SOURCE, StopKind.ROOT_CHANGED) is None
    catalog.sources.confirm(stop.id, by="ana", limits=ROOMY)
    confirmed = catalog.sources.confirmed(COLLECTION, SOURCE, StopKind.ROOT_CHANGED)
    assert confirmed is not None
    assert confirmed.detail == {"root": "42-7"}


def test_source_taken_out_stops_until_confirmed_or_put_back(catalog: Catalog, url: str) -> None:
    declared = catalog.sources.declared
    assert declared(COLLECTION, {SOURCE: "g", "other": "g"}) == []
    fill(catalog, 2)
    (stop,) = declared(COLLECTION, {"other": "g"})
    assert (stop.source, stop.kind) == (SOURCE, StopKind.SOURCE_REMOVED)
    assert declared(COLLECTION, {"other": "g"}) == [stop]
    assert declared(COLLECTION, {SOURCE: "g", "other": "g"}) == []
    (stop,) = declared(COLLECTION, {"other": "g"})
    assert catalog.sources.confirm(stop.id, by="ana", limits=ROOMY).new == 2
    assert set(presences(url).values()) == {"gone"}
    assert declared(COLLECTION, {"other": "g"}) == []


def test_source_without_objects_is_taken_out_quietly(catalog: Catalog) -> None:
    catalog.sources.declared(COLLECTION, {SOURCE: "g", "other": "g"})
    assert catalog.sources.declared(COLLECTION, {"other": "g"}) == []


def test_changed_globs_stop_at_the_first_deletion_they_would_cause(catalog: Catalog, url: str) -> None:
    catalog.sources.declared(COLLECTION, {SOURCE: "old"})
    keys = fill(catalog, 5)
    catalog.sources.declared(COLLECTION, {SOURCE: "new"})
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, keys[:1])
    stop = catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY).stop
    assert stop is not None
    assert stop.kind == StopKind.GLOBS_CHANGED
    assert catalog.sources.confirm(stop.id, by="ana", limits=ROOMY).new == 1
    sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
    catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, keys[1:2])
    assert catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY).recorded.new == 1
    assert list(presences(url).values()).count("gone") == 2


def test_changed_globs_that_delete_nothing_are_accepted_quietly(catalog: Catalog) -> None:
    catalog.sources.declared(COLLECTION, {SOURCE: "old"})
    keys = fill(catalog, 5)
    catalog.sources.declared(COLLECTION, {SOURCE: "new"})
    for missing in ([], keys[:1]):
        sweep = catalog.sources.begin_sweep(COLLECTION, SOURCE)
        catalog.sources.stage_missing(COLLECTION, SOURCE, sweep.id, missing)
        assert catalog.sources.conclude(COLLECTION, SOURCE, sweep.id, limits=ROOMY).stop is None
