"""What references say of objects reaches their documents, and leaves them with the newest message about them."""

from typing import Any

from rag_core.arrivals import Presence
from rag_core.messages.message import ObjectHint
from sensors.object_hints import ObjectHints
from tests.consuming.conftest import Streamed
from tests.pipeline.corpus import paragraphs

PAPER = "paper.txt"


def _payload(streamed: Streamed, key: str = PAPER) -> dict[str, Any]:
    return next(payload for payload, _, _ in streamed.points().values() if payload["uri"] == streamed.store.uri(key))


def _refer(streamed: Streamed, *said: dict[str, Any], key: str = PAPER) -> None:
    uri = streamed.store.uri(key)
    streamed.send(*((None, {"uri": uri, **each}) for each in said), partition=0)


def _read(streamed: Streamed) -> int:
    """Read what was sent and run; return how many arrivals were recorded of objects."""
    hinted = streamed.tick().hinted
    streamed.run()
    return hinted


def test_what_a_reference_says_is_kept_and_changes_no_vector(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    streamed.sweep()
    streamed.run()
    made = {point: vectors for point, (_, *vectors) in streamed.points().items()}
    embedded = len(streamed.embedder.embedded)
    _refer(streamed, {"metadata": {"owner": "finance", "year": 2026}})
    assert _read(streamed) == 1
    assert _payload(streamed)["metadata"] == {"owner": "finance", "year": 2026}
    assert len(streamed.embedder.embedded) == embedded
    assert {point: vectors for point, (_, *vectors) in streamed.points().items()} == made


def test_details_survive_a_sweep_and_a_new_version_and_come_before_their_object(streamed: Streamed) -> None:
    _refer(streamed, {"metadata": {"owner": "finance"}})
    assert _read(streamed) == 0
    streamed.write(PAPER, paragraphs("paper"))
    assert streamed.sweep() == 1
    streamed.run()
    assert _payload(streamed)["metadata"] == {"owner": "finance"}
    streamed.write(PAPER, paragraphs("another"))
    streamed.sweep()
    streamed.run()
    assert streamed.texts(PAPER) == [paragraphs("another")]
    assert _payload(streamed)["metadata"] == {"owner": "finance"}
    assert streamed.sweep() == 0


def test_the_same_details_again_make_nothing_due(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    _refer(streamed, {"metadata": {"owner": "finance"}})
    assert _read(streamed) == 1
    _refer(streamed, {"metadata": {"owner": "finance"}}, {"metadata": {"owner": "finance"}})
    assert _read(streamed) == 0
    assert streamed.sweep() == 0


def test_a_newer_reference_that_says_nothing_or_a_removal_leaves_nothing_stale(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    streamed.sweep()
    streamed.run()
    before = _payload(streamed)["title"]
    for last in ({}, {"op": "delete"}):
        _refer(streamed, {"metadata": {"owner": "finance", "title": "Papers"}})
        assert _read(streamed) == 1
        assert (_payload(streamed)["title"], _payload(streamed)["metadata"]) == ("Papers", {"owner": "finance"})
        _refer(streamed, last)
        assert _read(streamed) == 1  # the object is there, whatever the message says
        assert (_payload(streamed)["title"], _payload(streamed)["metadata"]) == (before, {})


def test_a_cloud_event_around_a_reference_describes_and_a_stores_notification_does_not(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    uri = streamed.store.uri(PAPER)
    event = {"specversion": "1.0", "id": "1", "source": "/papers", "type": "com.example.paper"}
    streamed.send((None, {**event, "data": {"uri": uri, "metadata": {"owner": "finance"}}}), partition=0)
    assert _read(streamed) == 1
    assert _payload(streamed)["metadata"] == {"owner": "finance"}
    found = ObjectHint(uri=uri, presence=Presence.PRESENT, version=None, size_bytes=None, media_type=None, metadata={})
    hinted = ObjectHints(streamed.collection, {"folder": streamed.store}).observe(found)
    assert hinted is not None
    assert not hinted.is_described


def test_the_newest_message_in_kafkas_order_wins_whatever_is_read_last(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    _refer(streamed, {"metadata": {"owner": "first"}}, {"metadata": {"owner": "second"}})
    _read(streamed)
    assert _payload(streamed)["metadata"] == {"owner": "second"}
    assert streamed.replay_range(first=0, end=1).hinted == 0
    streamed.run()
    assert _payload(streamed)["metadata"] == {"owner": "second"}


def test_what_the_source_says_itself_wins_field_by_field(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    streamed.write(f"{PAPER}.meta.yaml", "owner: legal\ntitle: From the sidecar\n")
    _refer(streamed, {"metadata": {"owner": "finance", "year": 2026, "title": "From the message"}})
    _read(streamed)
    assert _payload(streamed)["metadata"] == {"owner": "legal", "year": 2026}
    assert _payload(streamed)["title"] == "From the sidecar"


def test_groups_of_a_reference_narrow_and_never_widen(streamed: Streamed) -> None:
    for key in ("open.txt", "own.txt", "other.txt", "closed.txt"):
        streamed.write(key, paragraphs(key))
    streamed.write("own.txt.meta.yaml", "allowed_groups: [board, legal]\n")
    streamed.write("other.txt.meta.yaml", "allowed_groups: [board]\n")
    streamed.write("closed.txt.meta.yaml", "allowed_groups: [board]\n")
    streamed.sweep()
    streamed.run()
    _refer(streamed, {"metadata": {"allowed_groups": ["board", "staff"]}}, key="open.txt")
    _refer(streamed, {"metadata": {"allowed_groups": ["board", "staff"]}}, key="own.txt")
    _refer(streamed, {"metadata": {"allowed_groups": ["staff"]}}, key="other.txt")
    _refer(streamed, {"metadata": {"allowed_groups": ["*"]}}, key="closed.txt")
    assert _read(streamed) == 4
    groups = {key: _payload(streamed, f"{key}.txt")["allowed_groups"] for key in ("open", "own", "other", "closed")}
    assert groups == {"open": ["board", "staff"], "own": ["board"], "other": [], "closed": ["board"]}
    _refer(streamed, {}, key="own.txt")
    _read(streamed)
    assert _payload(streamed, "own.txt")["allowed_groups"] == ["board", "legal"]


def test_a_media_type_is_a_hint_by_which_the_same_bytes_are_read_anew(streamed: Streamed) -> None:
    streamed.write("page", f"<p>{paragraphs('page')}</p>")
    streamed.sweep()
    streamed.run()
    assert "<p>" in streamed.texts("page")[0]
    _refer(streamed, {"media_type": "text/html"}, key="page")
    assert _read(streamed) == 1
    assert "<p>" not in streamed.texts("page")[0]
    _refer(streamed, {}, key="page")
    assert _read(streamed) == 1
    assert "<p>" in streamed.texts("page")[0]


def test_details_that_change_while_a_run_works_are_not_lost(streamed: Streamed) -> None:
    streamed.write(PAPER, paragraphs("paper"))
    _refer(streamed, {"metadata": {"owner": "first"}})
    streamed.tick()
    changed: list[int] = []

    def change(step: str) -> None:
        if step == "embedded" and not changed:
            _refer(streamed, {"metadata": {"owner": "second"}})
            changed.append(streamed.tick().hinted)

    streamed.at_step = change
    streamed.run()
    streamed.at_step = lambda _: None
    streamed.run()
    assert changed == [1]
    assert _payload(streamed)["metadata"] == {"owner": "second"}


def test_details_whose_message_a_compacted_topic_lost_are_forgotten(streamed: Streamed) -> None:
    streamed.topic = streamed.kafka.create_topic(partitions=1, cleanup_policy="compact,delete")
    said = {"metadata": {"owner": "finance"}}
    for key in (PAPER, "kept.txt"):
        streamed.write(key, paragraphs(key))
        streamed.send((key, {"uri": streamed.store.uri(key), **said}))
    streamed.tick()
    streamed.run()
    assert _payload(streamed)["metadata"] == {"owner": "finance"}
    streamed.send((PAPER, None), ("kept.txt", {"uri": streamed.store.uri("kept.txt"), **said}))
    streamed.kafka.delete_records(streamed.topic, before={0: 3})  # the tombstone is compacted away, unread
    tick = streamed.tick()
    assert any("read again" in each for each in tick.notes)
    streamed.run()
    assert _payload(streamed)["metadata"] == {}
    assert _payload(streamed, "kept.txt")["metadata"] == {"owner": "finance"}
