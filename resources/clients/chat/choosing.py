"""The chat model that the settings name."""

from dataclasses import dataclass

from resources.clients.chat.openai_chat import OpenAiChat
from resources.clients.chat.port import ChatModel
from resources.clients.chat.tokens import ChatTokenizer
from resources.clients.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat model, and how much may be asked of it; ``tokenizer`` is None where nobody gave the model's own."""

    model: ChatModel
    tokenizer: ChatTokenizer | None
    context_tokens: int
    max_tokens: int
    timeout_s: float
    at_once: int
    waiting: int
    temperature: float
    seed: int | None


def open_chat(settings: Settings) -> Chat | None:
    """Return the chat model, or None where no server is named; connects at the first question."""
    if settings.chat_url is None:
        return None
    return Chat(
        model=OpenAiChat(
            settings.chat_url,
            settings.require("chat_model"),
            api_key=settings.chat_api_key,
            timeout_s=settings.chat_timeout_s,
        ),
        tokenizer=None if settings.chat_tokenizer is None else ChatTokenizer(settings.chat_tokenizer),
        context_tokens=settings.chat_context_tokens,
        max_tokens=settings.chat_max_tokens,
        timeout_s=settings.chat_timeout_s,
        at_once=settings.chat_concurrency,
        waiting=settings.chat_queue,
        temperature=settings.chat_temperature,
        seed=settings.chat_seed,
    )
