"""Dead letters of queues, replayed: to whom their own queue concerns, and only where that can be said."""

from urllib.parse import urlsplit

import pytest
import yaml

from resources.clients.catalog.values import DeadLetterFilter
from resources.clients.collection_files import usable_collections
from sensors.dead_letter_replay import DeadLetterReplay, ReplayedLetter, ReplayEnd
from tests.sqs.conftest import Notified
from tests.sqs.events import s3_event


@pytest.fixture
def dead(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> Notified:
    """Return a catalog with one dead letter, of a message that fits now."""
    notified.declare("notes", landing={})
    notified.put("a.txt")
    notified.send(s3_event(notified.bucket("landing"), "a.txt"))
    with monkeypatch.context() as patched:
        patched.setattr("rag_core.messages.queued.MAX_BODY_BYTES", 10)
        assert notified.reader().tick(wait_s=0).dead == 1
    return notified


def replayed(notified: Notified) -> ReplayedLetter:
    usable, _ = usable_collections(notified.folder)
    loaded = next(each for each in usable if each.collection.name == "notes")
    (letter,) = notified.catalog.dead_letters.page(DeadLetterFilter(collection="notes")).letters
    found = notified.catalog.dead_letters.find(letter.id)
    assert found is not None
    with DeadLetterReplay(loaded, notified.catalog) as replay:
        return replay.replay(found)


def open_letters(notified: Notified) -> int:
    return len(notified.catalog.dead_letters.page(DeadLetterFilter(collection="notes")).letters)


def test_a_letter_goes_to_its_own_queue_s_sources_and_not_to_those_of_its_namesake_elsewhere(dead: Notified) -> None:
    source = {
        "name": "statutes",
        "url": f"s3://{dead.bucket('landing')}",
        "endpoint_env": "OBJECTS",
        "notifications": {"sqs": {"queue_url": dead.queue_url.replace("127.0.0.1", "localhost")}},
    }
    declared = {"name": "law", "sources": [source]}
    (dead.folder / "law.yaml").write_text(yaml.safe_dump(declared))
    assert replayed(dead).end is ReplayEnd.RECORDED
    assert (dead.arrivals("notes"), dead.arrivals("law")) == ([("a.txt", "present")], [])
    assert open_letters(dead) == 0


@pytest.mark.parametrize("why", ["NO_SUCH_VARIABLE", "broken.yaml"])
def test_a_letter_is_left_where_nobody_can_say_whom_its_queue_concerns(dead: Notified, why: str) -> None:
    if why == "broken.yaml":
        (dead.folder / why).write_text("name: [")
    else:
        dead.declare("other", pages={"sqs": {"queue_url": None, "queue_url_env": why}})
    left = replayed(dead)
    assert (left.end, dead.arrivals(), open_letters(dead)) == (ReplayEnd.STILL_DEAD, [], 1)
    assert why in left.reason
    assert "discard" not in left.remedy


def test_a_letter_of_a_queue_that_nobody_declares_says_so(dead: Notified) -> None:
    dead.queue_url = "http://127.0.0.1:9/1/another"
    dead.declare("notes", landing={})
    left = replayed(dead)
    assert left.end is ReplayEnd.STILL_DEAD
    assert "No source declares the queue 127.0.0.1" in left.reason


def test_a_letter_of_an_earlier_version_has_no_host_and_goes_to_the_one_queue_of_its_name(dead: Notified) -> None:
    name = urlsplit(dead.queue_url).path.strip("/")
    dead.rows(f"UPDATE dead_letters SET topic = 'sqs:{name}'")
    dead.declare("other", pages={"sqs": {"queue_url": dead.queue_url.replace("127.0.0.1", "localhost")}})
    left = replayed(dead)
    assert (left.end, dead.arrivals(), open_letters(dead)) == (ReplayEnd.STILL_DEAD, [], 1)
    assert f"2 queues that are declared are called {name}" in left.reason
    (dead.folder / "other.yaml").unlink()
    assert replayed(dead).end is ReplayEnd.RECORDED
    assert (dead.arrivals(), open_letters(dead)) == ([("a.txt", "present")], 0)
