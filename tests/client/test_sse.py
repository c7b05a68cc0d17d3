from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_client import sse
from rag_client.errors import UnexpectedResponse
from rag_client.sse import EventReader

TEXT = "\ufeff: hello\r\nretry: 250\r\n\r\nevent: a\rdata: ü\rdata:2\r\rid: 7\ndata: x: y\n\nevent: empty\n\ndata: rest"


@given(st.lists(st.integers(0, 200), max_size=20))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    sent = TEXT.encode()
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    reader = EventReader()
    events = [event for start, end in pairwise(edges) for event in reader.feed(sent[start:end])]
    assert [(event.name, event.data) for event in events] == [("a", "ü\n2"), ("message", "x: y")]
    assert reader.retry_s == 0.25


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_CHARACTERS", 1000)
    reader = EventReader()
    with pytest.raises(UnexpectedResponse):
        reader.feed((b"data: " + b"x" * 50 + b"\n") * 100)
