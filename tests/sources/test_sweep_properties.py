"""Whatever happens while sweeps run, cut at any place: nothing is lost, nothing is deleted wrongly."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from rag_core.arrivals import Presence
from rag_core.objects import announced_version
from rag_core.sweeping import just_before
from sensors.sweep_tick import TickEnd
from tests.sources.model import MemoryCatalog, MemoryStore, World, memory_sweep

_KEYS = ["a", "a b", "a-b", "a/b", "a/c", "b", "b.txt", "b/x/y", "c", "é", "é/ü", "z~z", "\U0001f600", "\uffee"]
_event = st.tuples(st.sampled_from(["put", "remove", "watch", "nothing"]), st.sampled_from(_KEYS), st.integers(0, 3))
_history = st.lists(st.tuples(st.lists(_event, max_size=8), st.integers(1, 6), st.integers(1, 4)), max_size=12)


def _apply(store: MemoryStore, catalog: MemoryCatalog, kind: str, key: str, version: int) -> None:
    if kind == "put":
        store.put(key, version)
    elif kind == "remove":
        store.remove(key)
    elif kind == "watch":
        info = store.head(key)
        row = catalog.rows.get(key)
        if info is not None:
            catalog._observe(key, Presence.PRESENT, announced_version(info, None))
        elif row is not None and row.presence is Presence.PRESENT:
            catalog._observe(key, Presence.GONE, "")


def _sweep_until_complete(world: World, store: MemoryStore, catalog: MemoryCatalog) -> None:
    world.script.clear()
    sweep = memory_sweep(world, store, catalog, keys_per_tick=3, page_keys=2)
    completed = 0
    while completed < 2:  # the first may have begun before the last change
        completed += sweep.tick().end is TickEnd.COMPLETE


@given(history=_history, start=st.dictionaries(st.sampled_from(_KEYS), st.integers(0, 3)))
def test_any_history_cut_anywhere_ends_with_exactly_what_the_store_holds(history, start) -> None:
    world = World()
    store, catalog = MemoryStore(world), MemoryCatalog(world)
    for key, version in start.items():
        store.put(key, version)
    for events, keys_per_tick, page_keys in history:
        world.script = [partial(_apply, store, catalog, *event) for event in events]
        deleted_before = len(catalog.deleted)
        memory_sweep(world, store, catalog, keys_per_tick=keys_per_tick, page_keys=page_keys).tick()
        for key, sweep_began in catalog.deleted[deleted_before:]:
            assert store.was_absent_since(key, sweep_began), f"{key} was there all through the sweep that deleted it"
    _sweep_until_complete(world, store, catalog)
    assert not catalog.stops
    held = {key: announced_version(store._info(key), None) for key in store.objects}
    known = {key: row.announced for key, row in catalog.rows.items() if row.presence is Presence.PRESENT}
    assert known == held
    arrivals = len(catalog.arrivals)
    version = catalog.bookmark.version
    _sweep_until_complete(world, store, catalog)
    assert len(catalog.arrivals) == arrivals
    assert catalog.bookmark.version - version <= 2 * (len(store.objects) + 2)  # a tick without news writes one bookmark


@given(key=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4))
def test_a_range_of_one_key_holds_that_key(key: str) -> None:
    before = just_before(key)
    assert before < key
    assert before.encode() < key.encode()


def test_more_than_a_fifth_gone_stops_and_new_documents_are_still_recorded() -> None:
    world = World()
    store, catalog = MemoryStore(world), MemoryCatalog(world)
    for number in range(90):
        store.put(f"k{number:03}", 1)
    _sweep_until_complete(world, store, catalog)
    for number in range(25):
        store.remove(f"k{number:03}")
    store.put("new", 1)
    _sweep_until_complete(world, store, catalog)
    assert [stop.reason for stop in catalog.stops] == ["25 of 91 gone"]
    assert catalog.rows["new"].presence is Presence.PRESENT
    assert not catalog.deleted


def test_an_empty_root_of_another_identity_deletes_nothing_and_the_same_root_emptied_does() -> None:
    world = World()
    store, catalog = MemoryStore(world), MemoryCatalog(world)
    store.put("only", 1)
    _sweep_until_complete(world, store, catalog)
    store.remove("only")
    store.root = "root-2"
    _sweep_until_complete(world, store, catalog)
    assert len(catalog.stops) == 1
    assert not catalog.deleted
    catalog.stops.clear()
    store.root = "root-1"
    _sweep_until_complete(world, store, catalog)
    assert [key for key, _ in catalog.deleted] == ["only"]
