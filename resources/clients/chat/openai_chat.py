"""A server that speaks OpenAI's chat completions: Ollama, vLLM, OpenAI, llama.cpp, ``transformers serve``."""

import logging
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from rag_core.answering.generation import Prompt, Sampling
from rag_core.errors import DependencyUnavailable
from resources.clients.chat.port import ChatDelta

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

DEPENDENCY = "chat model"
CONNECT_TIMEOUT_S = 3.0
_MAX_CONNECTIONS = 64
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_SAID = 200
_log = logging.getLogger("chat_model")


class OpenAiChat:
    """A chat model of one server; ``url`` ends with the API's root, such as ``http://127.0.0.1:11434/v1``.

    ``timeout_s`` bounds the wait for each piece. Nothing is tried twice: whoever asks has something better to do
    meanwhile than to wait for a server that just refused.
    """

    def __init__(self, url: str, model: str, *, api_key: str | None = None, timeout_s: float = 60.0) -> None:
        self._url = url
        self._model = model
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._opened: AsyncOpenAI | None = None

    @property
    def name(self) -> str:
        """The model's name as its server knows it."""
        return self._model

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[ChatDelta]:
        """Yield the answer's pieces; see the port."""
        return self._stream(prompt, sampling)

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[ChatDelta]:
        from openai import omit

        finished = False
        with _translating(self._model):
            chunks = await self._client().chat.completions.create(
                model=self._model,
                messages=cast(
                    "Iterable[ChatCompletionMessageParam]",
                    [{"role": turn.role, "content": turn.content} for turn in prompt.turns],
                ),
                temperature=sampling.temperature,
                seed=omit if sampling.seed is None else sampling.seed,
                max_tokens=sampling.max_tokens,
                stream=True,
                stream_options={"include_usage": True},
            )
            try:
                async for chunk in chunks:
                    delta = _delta(chunk)
                    finished = finished or delta.finish is not None
                    yield delta
            finally:
                await chunks.close()
        if not finished:  # a server that dies behind a proxy ends its stream like one that is done
            raise _away(f"The chat model {self._model} stopped in the middle of its answer.")

    def _client(self) -> "AsyncOpenAI":
        if self._opened is None:
            import httpx
            from openai import AsyncOpenAI

            limits = httpx.Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=16)
            timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)
            # A proxy of the environment is for what is elsewhere.
            elsewhere = urlsplit(self._url).hostname not in _LOOPBACK
            self._opened = AsyncOpenAI(
                base_url=self._url,
                api_key=self._api_key or "none",  # servers that ask for no key want the header all the same
                organization="",
                project="",
                max_retries=0,
                timeout=timeout,
                http_client=httpx.AsyncClient(
                    timeout=timeout, limits=limits, trust_env=elsewhere, follow_redirects=False
                ),
            )
        return self._opened


def _delta(chunk: "ChatCompletionChunk") -> ChatDelta:
    """Return what a chunk brings; servers differ in where they put usage, and some chunks bring nothing."""
    choice = chunk.choices[0] if chunk.choices else None
    usage = chunk.usage
    return ChatDelta(
        text=(choice.delta.content or "") if choice is not None and choice.delta is not None else "",  # pyright: ignore[reportUnnecessaryComparison] - servers send null
        finish=None if choice is None else choice.finish_reason,
        prompt_tokens=None if usage is None else usage.prompt_tokens,
        completion_tokens=None if usage is None else usage.completion_tokens,
    )


@contextmanager
def _translating(model: str) -> Generator[None]:
    """Turn the client's errors into ours; what a server says of a wrong request goes to the log, bounded.

    Nothing is logged of a refused key: some servers repeat a part of it.
    """
    import httpx
    from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

    try:
        yield
    except APITimeoutError as error:
        raise _away(f"The chat model {model} did not answer in time.") from error
    except APIStatusError as error:
        status = error.status_code
        if status in {401, 403}:
            raise _away(
                f"The chat model's server refused the key ({status}).", remedy="Set RAG_CHAT_API_KEY."
            ) from None
        if status in {408, 409, 429} or status >= 500:
            raise _away(f"The chat model {model} is busy or broken ({status}).") from error
        _log.error("The chat model's server refused a request (%d): %s", status, str(error.message)[:_MAX_SAID])
        raise _away(
            f"The chat model's server refused the request ({status}).", remedy="Check RAG_CHAT_URL and RAG_CHAT_MODEL."
        ) from error
    except APIConnectionError as error:
        raise _away(f"The chat model's server for {model} does not answer.") from error
    except (OpenAIError, httpx.HTTPError, httpx.StreamError, ValueError) as error:
        # What comes while a stream is read is not wrapped by the client; a line that is no JSON is a ValueError.
        raise _away(f"The chat model {model} stopped in the middle of its answer.") from error


def _away(message: str, *, remedy: str = "Try again shortly.") -> DependencyUnavailable:
    return DependencyUnavailable(message, dependency=DEPENDENCY, remedy=remedy)
