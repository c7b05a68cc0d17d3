"""What a reader knew outlives it: bounds on deletions in its process, sweeps that are wanted in the catalog."""

from typing import Any

import pytest

from rag_core.errors import DependencyUnavailable
from resources.clients.aws.sqs import SqsQueue
from tests.sqs.conftest import Notified
from tests.sqs.events import s3_event

KEYS = [f"{n:02}.txt" for n in range(26)]


class NotAllowedToDelete(SqsQueue):
    """A queue whose role lacks sqs:DeleteMessage."""

    def delete(self, messages: Any) -> int:
        raise DependencyUnavailable(f"{len(messages)} stay: AWS answered 403.", dependency="SQS")


@pytest.fixture
def swept(notified: Notified) -> Notified:
    """Return a source that was swept, and whose first 25 objects are gone and announced."""
    notified.declare("notes", landing={})
    for key in KEYS:
        notified.put(key)
    assert notified.sweep().tick().recorded == 26
    for key in KEYS[:25]:
        notified.remove(key)
    announce(notified)
    return notified


def announce(notified: Notified) -> None:
    bucket = notified.bucket("landing")
    notified.send(*(s3_event(bucket, key, event="ObjectRemoved:Delete") for key in KEYS[:25]))


def gone(notified: Notified) -> int:
    return sum(presence == "gone" for _, presence in notified.arrivals())


def test_a_reader_that_is_opened_anew_after_every_error_deletes_no_more_for_that(swept: Notified) -> None:
    declared = swept.declared()
    for _ in range(3):
        announce(swept)
        with pytest.raises(DependencyUnavailable):
            swept.reader(declared, queue=NotAllowedToDelete(swept.queue_url)).tick(wait_s=0)
    assert gone(swept) == 19
    assert swept.sweep().tick().deleted == 6


def test_a_wanted_sweep_is_brought_forward_by_the_next_process_once_the_one_under_way_has_ended(
    swept: Notified,
) -> None:
    swept.rows("""UPDATE positions SET value = value || '{"running": {}}' WHERE source = 'landing'""")
    tick = swept.reader().tick(wait_s=0)
    assert (tick.left_to_sweep, swept.in_queue()) == (6, (0, 0))
    assert swept.catalog.queues.wanted_sweeps("notes") == {"landing"}
    swept.rows("""UPDATE positions SET value = value || '{"running": null}' WHERE source = 'landing'""")
    swept.reader().tick(wait_s=0)
    assert swept.catalog.queues.wanted_sweeps("notes") == frozenset()
    assert swept.sweep().tick().deleted == 6
    assert gone(swept) == 25
