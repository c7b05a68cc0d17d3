"""What an answerer does with a model that is slow, and with the settings of one."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from query_api.answering.answerer import Answerer
from query_api.answering.asking import Answered, AnswerReady, Ask, Event, FellBack, PassagesFound, StillHere
from query_api.answering.model_lane import ModelBusy, ModelLane
from query_api.connections import Connections
from rag_core.callers import LOCAL
from rag_core.errors import ConfigurationError
from resources.clients.chat import open_chat
from resources.clients.settings import Settings, load_settings
from tests.answers.conftest import GOOD, QUESTION
from tests.query_api.conftest import COLLECTION, EMBEDDER, World
from tests.services.chat_server import ChatServer

ASK = Ask(collection=COLLECTION, question=QUESTION, top_k=8, filters={}, groups=None)


def settings_of(world: World, home: Path, chat: ChatServer, **changed: str) -> Settings:
    return world.settings(home, chat_url=chat.url, chat_model="tiny", **changed)


async def events_of(settings: Settings, chat: ChatServer, *, heartbeat_s: float) -> list[Event]:
    """Return the events of an answer; a model that is held is let go at the first sign of life."""
    connections = Connections(settings, open_model=lambda _: EMBEDDER)
    answerer = Answerer(connections.retriever, open_chat(settings), heartbeat_s=heartbeat_s)
    seen: list[Event] = []
    async with aclosing(answerer.stream(ASK, LOCAL)) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, StillHere):
                chat.release()
    await answerer.close()
    await asyncio.to_thread(connections.close)
    return seen


def test_a_stream_shows_that_it_lives_while_the_model_is_silent(
    world: World, tmp_path: Path, chat_server: ChatServer
) -> None:
    chat_server.say(*GOOD, hold_after=0)
    events = asyncio.run(events_of(settings_of(world, tmp_path, chat_server), chat_server, heartbeat_s=0.05))
    assert isinstance(events[0], PassagesFound)
    assert any(isinstance(event, StillHere) for event in events)
    assert answered(events).generation.mode == "model"


def test_a_model_that_takes_too_long_is_left_for_quotation(
    world: World, tmp_path: Path, chat_server: ChatServer
) -> None:
    chat_server.say(*GOOD, hold_after=1)
    settings = settings_of(world, tmp_path, chat_server, chat_timeout_s="0.3")
    events = asyncio.run(events_of(settings, chat_server, heartbeat_s=60))
    (fell_back,) = [event for event in events if isinstance(event, FellBack)]
    assert "0.3 s" in fell_back.because or "in time" in fell_back.because
    assert answered(events).generation.mode == "extractive"


def test_places_are_bounded_and_given_back_once() -> None:
    async def fill() -> None:
        lane = ModelLane(at_once=1, waiting=1)
        first, second = lane.enter(), lane.enter()
        await first.turn()
        with pytest.raises(ModelBusy):
            lane.enter()
        waiting = asyncio.ensure_future(second.turn())
        await asyncio.sleep(0)
        assert not waiting.done()
        first.leave()
        first.leave()
        await waiting
        third = lane.enter()
        with pytest.raises(ModelBusy):
            lane.enter()
        abandoned = asyncio.ensure_future(third.turn())
        await asyncio.sleep(0)
        abandoned.cancel()
        third.leave()
        second.leave()
        last = lane.enter()
        await last.turn()

    asyncio.run(fill())


def test_a_chat_server_without_the_name_of_a_model_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_HOME", str(tmp_path))
    monkeypatch.setenv("RAG_CHAT_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(ConfigurationError, match="RAG_CHAT_MODEL"):
        load_settings()
    monkeypatch.setenv("RAG_CHAT_MODEL", "tiny")
    monkeypatch.setenv("RAG_CHAT_API_KEY", "sk-hidden")
    assert "sk-hidden" not in repr(load_settings())


def answered(events: list[Event]) -> Answered:
    last = events[-1]
    assert isinstance(last, AnswerReady)
    return last.answered
