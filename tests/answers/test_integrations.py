"""``transformers serve`` behind the API, and in front of it what people build on: openai, LangChain, LlamaIndex.

The model's weights are random, so what it writes cites nothing: the answer is quoted, after what the model wrote. That
shows both, that its tokens stream through and that none of them leaves as the answer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from resources.clients.chat.tokens import ChatTokenizer
from tests.answers.conftest import QUESTION, Api, serve
from tests.answers.tiny_model import make_tiny_model, transformers_serve
from tests.query_api.conftest import BACKUPS, COLLECTION, World

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("default"),
]  # the integrations' own warnings are theirs
ANSWER = "Backups are kept for thirty days. [1]"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def url(world: World, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    work = tmp_path_factory.mktemp("serving")
    with transformers_serve(tiny, work) as chat_url:
        changed: dict[str, Any] = {
            "chat_url": chat_url,
            "chat_model": str(tiny),
            "chat_tokenizer": str(tiny / "tokenizer.json"),
            "chat_max_tokens": "24",
            "chat_seed": "5",
            "chat_timeout_s": "240",
        }
        with serve(world, tmp_path_factory.mktemp("home"), **changed) as served_url:
            yield served_url


def test_an_openai_client_streams_what_the_model_writes_and_gets_the_citations(url: str) -> None:
    with OpenAI(base_url=f"{url}/v1", api_key="none", http_client=httpx.Client(trust_env=False)) as client:
        chunks = list(
            client.chat.completions.create(
                model=COLLECTION,
                messages=[{"role": "user", "content": QUESTION}],
                stream=True,
                stream_options={"include_usage": True},
                timeout=240,
            )
        )
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 3, "the model's tokens, and the quoted answer"
    assert ANSWER in "".join(pieces)
    last = [chunk for chunk in chunks if chunk.choices][-1]
    extras: Any = last.choices[0].delta.model_extra
    assert [each["uri"] for each in extras["citations"]][:1] == [BACKUPS.uri]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens > 100
    assert 0 < chunks[-1].usage.completion_tokens <= 24


def test_the_prompt_is_as_long_as_it_was_counted(url: str, tiny: Path) -> None:
    """What the server's own tokenizer made of the prompt is no more than what we held it to be."""
    answer = Api(url=url, chat=None).answer()
    assert answer["generation"]["model"] == str(tiny)
    assert ChatTokenizer(tiny / "tokenizer.json").marks >= {"<|end|>", "<|system|>", "<|user|>", "<|assistant|>"}
    assert 100 < answer["usage"]["prompt_tokens"] < 8192


def test_with_temperature_0_and_a_seed_the_model_writes_the_same_again(url: str) -> None:
    def tokens() -> str:
        body = {"collection": COLLECTION, "question": QUESTION, "stream": True, "temperature": 0, "seed": 5}
        response = httpx.post(f"{url}/v1/ask", json=body, timeout=240, trust_env=False)
        return "".join(line for line in response.text.splitlines() if line.startswith('data: {"text"'))

    first = tokens()
    assert first
    assert first == tokens()


def test_langchain_chats_with_a_collection(url: str) -> None:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(base_url=f"{url}/v1", api_key="none", model=COLLECTION, timeout=240)  # type: ignore[arg-type]
    pieces = [str(chunk.content) for chunk in chat.stream(QUESTION) if chunk.content]
    assert len(pieces) > 3
    assert ANSWER in "".join(pieces)
    assert ANSWER in str(chat.invoke([("system", "Be brief."), ("human", QUESTION)]).content)


def test_llamaindex_chats_with_a_collection(url: str) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    chat = OpenAILike(api_base=f"{url}/v1", api_key="none", model=COLLECTION, is_chat_model=True, timeout=240)
    pieces = [str(each.delta) for each in chat.stream_chat([ChatMessage(role="user", content=QUESTION)]) if each.delta]
    assert len(pieces) > 3
    assert ANSWER in "".join(pieces)
    answer = chat.chat([ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)])
    assert ANSWER in str(answer.message.content)
