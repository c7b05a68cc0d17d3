"""Whatever is sent, the routes of OpenAI's clients answer or refuse in OpenAI's shape."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.shapes.chat_request import ChatCompletionRequest
from query_api.shapes.openai_models import EmbeddingsRequest
from tests.answers.conftest import QUESTION, Api
from tests.query_api.conftest import COLLECTION
from tests.query_api.test_problems import JSON

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TALK = [{"role": "user", "content": QUESTION}]
CHAT_FIELDS = st.sampled_from(sorted(ChatCompletionRequest.model_fields))
EMBEDDINGS_FIELDS = st.sampled_from(sorted(EmbeddingsRequest.model_fields))


def is_answered_or_refused(api: Api, path: str, body: Mapping[str, Any]) -> bool:
    answer = httpx.post(f"{api.url}{path}", content=json.dumps(body), timeout=30, trust_env=False)
    if answer.status_code == 200:
        return True
    error = answer.json()["error"]
    return answer.status_code in {400, 404} and set(error) == {"message", "type", "param", "code"}


@QUICK
@given(body=st.dictionaries(CHAT_FIELDS, JSON, max_size=3))
def test_no_body_makes_a_chat_fail_inside(api: Api, body: dict[str, Any]) -> None:
    asked = {"model": COLLECTION, "messages": TALK, "generation": "extractive"}
    assert is_answered_or_refused(api, "/v1/chat/completions", asked | body)


@QUICK
@given(body=st.dictionaries(EMBEDDINGS_FIELDS, JSON, max_size=2))
def test_no_body_makes_embedding_fail_inside(api: Api, body: dict[str, Any]) -> None:
    assert is_answered_or_refused(api, "/v1/embeddings", {"model": COLLECTION, "input": "x"} | body)


def test_no_path_makes_showing_a_model_fail_inside(api: Api) -> None:
    for name in ("%00", "%ff", "..%2f..", "a" * 5000, "%F0%9F%90%98", "-"):
        answer = httpx.get(f"{api.url}/v1/models/{name}", timeout=30, trust_env=False)
        assert answer.status_code == 404, name
        assert answer.json()["error"]["message"]
