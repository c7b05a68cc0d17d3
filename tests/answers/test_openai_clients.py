"""An unmodified ``openai`` client against the served API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai import OpenAI

from tests.answers.conftest import FOREIGN, QUESTION, Api, serve
from tests.query_api.conftest import BACKUPS, COLLECTION, EMBEDDER, World


@pytest.fixture
def client(api: Api) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{api.url}/v1", api_key="none", max_retries=0, http_client=httpx.Client(trust_env=False)
    ) as made:
        yield made


def asked(question: str = QUESTION) -> list[Any]:
    return [{"role": "user", "content": question}]


def test_a_collection_is_chatted_with_and_cites(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=COLLECTION, messages=asked())
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Backups are kept for thirty days [1].", "stop")
    extras = choice.message.model_extra or {}
    assert [(each["number"], each["uri"]) for each in extras["citations"]] == [(1, BACKUPS.uri)]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (50, 9, 59)
    assert answer.model == COLLECTION
    assert (answer.model_extra or {})["generation"]["mode"] == "model"


def test_a_chat_streams_and_its_last_choice_has_the_citations(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=COLLECTION, messages=asked(), stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Backups are kept for thirty days [1]."
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 1
    last = [chunk for chunk in chunks if chunk.choices][-1]
    assert last.choices[0].finish_reason == "stop"
    assert [each["uri"] for each in (last.choices[0].delta.model_extra or {})["citations"]] == [BACKUPS.uri]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 59
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_talk_before_reaches_the_model_and_an_answer_may_be_sent_back_as_it_came(client: OpenAI, api: Api) -> None:
    first = client.chat.completions.create(model=COLLECTION, messages=asked())
    talk: list[Any] = [
        {"role": "system", "content": "Be brief."},
        *asked(),
        first.choices[0].message.model_dump(),
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    client.chat.completions.create(model=COLLECTION, messages=talk, temperature=0.5, seed=9, max_completion_tokens=77)
    request = api.chat.requests[-1]
    assert [message["role"] for message in request["messages"]] == ["system", "user", "assistant", "user"]
    assert "Be brief." in request["messages"][0]["content"]
    assert (request["temperature"], request["seed"], request["max_tokens"]) == (0.5, 9, 77)


def test_what_is_not_known_is_said_in_words(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=COLLECTION, messages=asked(FOREIGN))
    assert "do not answer" in (answer.choices[0].message.content or "")
    assert (answer.model_extra or {})["answered"] is False
    chunks = client.chat.completions.create(model=COLLECTION, messages=asked(FOREIGN), stream=True)
    assert "do not answer" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_an_outage_in_the_middle_of_a_stream_is_said_in_it_and_quotation_follows(client: OpenAI, api: Api) -> None:
    api.chat.say("Backups ", "are kept ", "for", drop_after=2)
    chunks = list(client.chat.completions.create(model=COLLECTION, messages=asked(), stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text.startswith("Backups are kept")
    assert "stopped in the middle" in text
    assert "Backups are kept for thirty days. [1]" in text
    assert (chunks[-1].model_extra or {})["generation"]["fell_back"] is True


def test_filters_groups_and_the_generator_are_extensions(client: OpenAI, api: Api) -> None:
    extras = {"filters": {"team": "sales"}, "groups": ["sales"], "top_k": 3, "generation": "extractive"}
    answer = client.chat.completions.create(
        model=COLLECTION, messages=asked("Restores are tested every month?"), extra_body=extras
    )
    cited = (answer.choices[0].message.model_extra or {})["citations"]
    assert [each["title"] for each in cited] == ["copy.md"]
    assert api.chat.requests == []


def test_models_are_the_collections(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [COLLECTION]
    assert client.models.retrieve(COLLECTION).owned_by == "rag-assets"
    for unknown in ("elsewhere", "gpt-4o"):
        with pytest.raises(openai.NotFoundError) as raised:
            client.models.retrieve(unknown)
        assert raised.value.code == "model_not_found"


@pytest.mark.parametrize("model", [COLLECTION, "words", "words@1"])
def test_texts_are_embedded_as_the_index_was(client: OpenAI, model: str) -> None:
    made = client.embeddings.create(model=model, input=["backups are kept", "dogs"])
    assert np.allclose([each.embedding for each in made.data], EMBEDDER.embed_documents(["backups are kept", "dogs"]))
    assert [each.index for each in made.data] == [0, 1]
    assert made.usage.prompt_tokens == 4
    one = client.embeddings.create(
        model=model, input="dogs", encoding_format="float", extra_body={"input_type": "query"}
    )
    assert np.allclose(one.data[0].embedding, EMBEDDER.embed_query("dogs"))


def test_embeddings_that_cannot_be_made_are_refused(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-3-small", input="x")
    for wrong in ({"dimensions": 7}, {"input": [[1, 2]]}, {"input": []}, {"input": ["x"] * 257}, {"input": ""}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(**{"model": COLLECTION, "input": "x", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"stop": ["."]}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, None),
        ({"messages": [{"role": "user", "content": "x" * 2001}]}, None),
        ({"extra_body": {"typo": 1}}, "typo"),
    ],
)
def test_what_cannot_be_done_is_refused_in_openais_shape(client: OpenAI, changed: Any, param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**{"model": COLLECTION, "messages": asked(), **changed})
    assert raised.value.type == "invalid_request_error"
    assert raised.value.param == param
    assert raised.value.message


def test_an_unknown_collection_is_an_unknown_model(client: OpenAI) -> None:
    for unknown in ("elsewhere", "gpt-4o"):
        for stream in (False, True):
            with pytest.raises(openai.NotFoundError) as raised:
                client.chat.completions.create(model=unknown, messages=asked(), stream=stream)
            assert raised.value.code == "model_not_found"


def test_every_refusal_has_openais_shape_whoever_refuses(world: World, tmp_path: Path) -> None:
    with serve(world, tmp_path, auth="required") as url, httpx.Client(base_url=url, trust_env=False) as client:
        keyless = client.get("/v1/models/handbook")
        elsewhere = client.get("/v1/models", headers={"host": "evil.example"})
    with serve(world, tmp_path) as url, httpx.Client(base_url=url, trust_env=False) as client:
        large = client.post("/v1/chat/completions", content=b" " * 300_000)
        unread = client.post("/v1/embeddings", content=b"{")
        foreign = client.post("/v1/embeddings", headers={"origin": "http://evil.example"})
    refused = {401: (keyless, elsewhere), 413: (large,), 400: (unread,), 403: (foreign,)}
    for status, responses in refused.items():
        for response in responses:
            assert response.status_code == status
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}
            assert response.headers["content-type"] == "application/json"
    assert keyless.headers["www-authenticate"] == "Bearer"
    assert keyless.json()["error"]["code"] == "invalid_api_key"
    assert keyless.headers["x-request-id"]


def test_without_a_chat_server_collections_are_chatted_with_all_the_same(world: World, tmp_path: Path) -> None:
    with serve(world, tmp_path) as url, OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        chunks = list(client.chat.completions.create(model=COLLECTION, messages=asked(), stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert text.startswith("Backups are kept for thirty days. [1]")
        answer = client.chat.completions.create(model=COLLECTION, messages=asked())
        assert answer.choices[0].message.content == text
