"""The bytes of an event stream become events as the standard says, wherever they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.producing.server_sent_events import EventParser, ServerSentEvent


def events_of(*chunks: bytes, max_event_bytes: int = 1000) -> list[tuple[bytes, bytes | None]]:
    parser = EventParser(max_event_bytes=max_event_bytes)
    return [(each.id, each.data) for chunk in chunks for each in parser.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    lines = [
        b"\xef\xbb\xbf: hello",
        b"id: 7",
        b"event: message",
        b"data:  one",
        b"data:two",
        b"data",
        b"",
        b"data: x",
        b"",
    ]
    assert events_of(end.join(lines) + end) == [(b"7", b" one\ntwo\n"), (b"7", b"x")]


def test_an_event_that_no_blank_line_ends_is_none() -> None:
    assert events_of(b"data: whole\n\ndata: cut o") == [(b"", b"whole")]


def test_an_id_counts_only_once_its_event_is_whole() -> None:
    parser = EventParser(max_event_bytes=100)
    parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")
    assert parser.last_event_id == b"1"
    parser.begin()
    assert parser.feed(b"data: c\n\n") == [ServerSentEvent(id=b"1", kind="message", data=b"c")]


def test_an_id_with_nul_is_ignored_and_one_without_data_counts() -> None:
    assert events_of(b"id: 1\n\nid: 2\x00\ndata: a\n\n") == [(b"1", b"a")]


def test_retry_takes_digits_only() -> None:
    parser = EventParser(max_event_bytes=100)
    parser.feed(b"retry: 250\nretry: soon\nretry: 99999999999\n")
    assert parser.retry_ms == 250


@pytest.mark.parametrize("lines", [b"data: " + b"x" * 101, b"data: " + b"x" * 60 + b"\ndata: " + b"x" * 60])
def test_an_event_over_the_limit_comes_without_its_data_and_the_next_one_whole(lines: bytes) -> None:
    stream = b"id: 1\n" + lines + b"\n\nid: 2\ndata: ok\n\n"
    assert events_of(stream, max_event_bytes=100) == [(b"1", None), (b"2", b"ok")]


def test_an_endless_line_takes_no_memory() -> None:
    parser = EventParser(max_event_bytes=100)
    for _ in range(1000):
        parser.feed(b"y" * 1000)
    assert len(parser._rest) < 200
    assert parser.feed(b"\n\ndata: ok\n\n")[0].data == b"ok"


@given(
    datas=st.lists(st.text("ab\n:é", min_size=1, max_size=12), max_size=6),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_cuts_change_nothing(datas: list[str], ends: list[bytes], cuts: list[int]) -> None:
    lines: list[bytes] = []
    for number, data in enumerate(datas):
        lines += [f"id:{number}".encode(), *(b"data: " + part for part in data.encode().split(b"\n")), b""]
    stream = b"".join(line + ends[number % len(ends)] for number, line in enumerate(lines))
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(places)]
    expected = [(str(number).encode(), data.encode()) for number, data in enumerate(datas)]
    if b"\r" in ends and b"\n" in ends:  # a CR behind which a line ended by LF is empty reads as one CRLF
        assert events_of(*chunks) == events_of(stream)
    else:
        assert events_of(*chunks) == expected
