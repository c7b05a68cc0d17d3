"""An event stream is followed over lost connections: nothing lost, nothing doubled, nothing read ahead."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator

import pytest

from local_stack.producing.event_stream import EventStream, StreamOptions
from rag_core.errors import DependencyUnavailable, InvalidRequest
from tests.producing.event_server import STREAM, Answer, EventServer, played


def stream_of(server: EventServer, **options: object) -> EventStream:
    return EventStream(
        StreamOptions(
            **{  # type: ignore[arg-type] - a test's own keywords
                "url": server.url,
                "user_agent": "tests (somebody@example.org)",
                "max_event_bytes": 10_000,
                "first_wait_s": 0.01,
                **options,
            }
        )
    )


def all_of(stream: EventStream, *, enough: Callable[[int], bool] = lambda _: False) -> list[bytes | None]:
    async def read() -> list[bytes | None]:
        stopped = asyncio.Event()
        found: list[bytes | None] = []
        async for events in stream.events(stopped):
            found += [event.data for event in events]
            if enough(len(found)):
                stopped.set()
        return found

    return asyncio.run(read())


def event(number: int, end: bytes = b"\n") -> bytes:
    data = json.dumps({"number": number, "text": "é" * (number % 50)}, indent=2, ensure_ascii=False)
    lines = [f'id: [{{"offset":{number}}}]', "event: message", *(f"data: {line}" for line in data.split("\n")), "", ""]
    return end.join(line.encode() for line in lines)


def number_in(data: bytes | None) -> int:
    return json.loads(data or b"")["number"]


@pytest.mark.parametrize("is_cut", [False, True])
def test_connections_that_break_in_the_middle_lose_nothing_and_double_nothing(is_cut: bool) -> None:
    chosen = random.Random(7)

    def answer(last: str | None) -> Answer:
        first = 0 if last is None else json.loads(last)[0]["offset"] + 1
        if first == 300:
            return Answer(status=204)
        wire = b": hello\nretry: 10\n\n" + b"".join(
            event(number, chosen.choice([b"\n", b"\r\n"])) + b": still here\n" for number in range(first, 300)
        )
        if first < 280:
            wire = wire[: chosen.randrange(100, 6000)]
        return Answer(body=pieces(wire), is_cut=is_cut)

    def pieces(wire: bytes) -> Iterator[bytes]:
        while wire:
            size = chosen.randrange(1, 700)
            yield wire[:size]
            wire = wire[size:]

    with EventServer(answer).running() as server:
        stream = stream_of(server)
        found = [number_in(data) for data in all_of(stream)]
    assert found == list(range(300))
    assert len(server.asked) > 10
    assert server.asked[0] is None
    assert server.asked[-1] == '[{"offset":299}]'
    assert stream.reconnects == len(server.asked) - 2  # the first connection is none, and neither is the last answer
    assert set(server.user_agents) == {"tests (somebody@example.org)"}


def test_events_that_a_server_repeats_after_a_reconnection_come_once() -> None:
    first = Answer(body=[event(1), event(2), event(3)])
    again = Answer(body=[event(2), event(3), event(4)])
    with EventServer(played([first, again])).running() as server:
        stream = stream_of(server)
        assert [number_in(data) for data in all_of(stream)] == [1, 2, 3, 4]
    assert stream.repeats == 2


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not() -> None:
    busy = [Answer(status=503, headers={"retry-after": "0"}), Answer(status=429), Answer(body=[event(1)])]
    with EventServer(played(busy)).running() as server:
        assert len(all_of(stream_of(server))) == 1
    with EventServer(played([Answer(status=403)])).running() as server:
        with pytest.raises(InvalidRequest, match="status 403") as refused:
            all_of(stream_of(server))
        assert "--user-agent" in refused.value.remedy
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/html"}, {**STREAM, "content-encoding": "gzip"}, {"location": "/elsewhere"}]
)
def test_what_is_no_event_stream_is_refused(headers: dict[str, str]) -> None:
    answers = played([Answer(body=[b"<html>"], headers=headers)])
    with EventServer(answers).running() as server, pytest.raises(InvalidRequest, match="not with an event stream"):
        all_of(stream_of(server))


def test_a_server_that_is_never_there_is_given_up() -> None:
    with EventServer(played([])).running() as server:
        pass
    with pytest.raises(DependencyUnavailable, match="has been away"):
        all_of(stream_of(server, give_up_after_s=0.05))


@pytest.mark.parametrize(
    "options", [{"url": "file:///etc/passwd"}, {"url": "http://"}, {"user_agent": "a\r\nb: c"}, {"last_event_id": "\0"}]
)
def test_addresses_and_headers_are_checked(options: dict[str, str]) -> None:
    with EventServer(played([])).running() as server, pytest.raises(InvalidRequest):
        stream_of(server, **options)


def test_whoever_takes_the_events_slowly_holds_the_server_up() -> None:
    large = b"data: " + b"x" * 9000 + b"\n\n"
    total = 256 * 1024 * 1024

    with EventServer(played([Answer(body=(large for _ in range(total // len(large))))])).running() as server:

        async def read() -> None:
            stopped = asyncio.Event()
            async for _ in stream_of(server).events(stopped):
                await asyncio.to_thread(server.is_held_up.wait, 60)
                stopped.set()

        asyncio.run(read())
        assert server.is_held_up.is_set()
        assert server.bytes_written < total / 4


def test_the_end_is_heard_while_nothing_comes() -> None:
    def silent() -> Iterator[bytes]:
        yield event(1)
        server.is_held_up.wait(60)

    with EventServer(played([Answer(body=silent())])).running() as server:
        assert len(all_of(stream_of(server), enough=lambda count: count == 1)) == 1
        server.is_held_up.set()
