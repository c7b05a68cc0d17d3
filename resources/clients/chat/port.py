"""The port of chat models: a prompt in, the answer's pieces out."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from rag_core.answering.generation import Prompt, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of an answer; ``finish`` and the counts come with or after the last one, where the server says them."""

    text: str = ""
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatModel(Protocol):
    """A chat model behind a server; several tasks may use one at once."""

    @property
    def name(self) -> str:
        """The model's name as its server knows it."""
        ...

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[ChatDelta]:
        """Yield the answer's pieces; closing the generator ends the request, so that the server stops writing.

        Raises ``DependencyUnavailable`` when the server does not answer, refuses, or stops in the middle.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
