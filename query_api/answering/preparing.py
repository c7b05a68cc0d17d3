"""Before anyone answers: passages are found, the threshold decides, a prompt is made for a model that may answer."""

from collections.abc import Callable
from dataclasses import dataclass

from query_api.answering.asking import Ask, Generator
from query_api.retrieving import Found, Query, Retriever
from rag_core.answering.generation import Prompt, PromptTooLarge, Sampling, build_prompt
from rag_core.callers import Caller
from rag_core.errors import InvalidRequest
from resources.clients.chat import Chat
from resources.clients.chat.tokens import counted_from_above

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question with its passages; ``prompt`` is None where quotation answers.

    ``order`` are indices of the passages as they are numbered from 1, those of the prompt first; ``because`` says why
    a model that was wanted is not asked.
    """

    ask: Ask
    query: Query
    found: Found
    order: tuple[int, ...]
    prompt: Prompt | None
    sampling: Sampling | None
    count_tokens: CountTokens
    because: str | None = None


def prepare(ask: Ask, caller: Caller, retriever: Retriever, chat: Chat | None) -> Prepared:
    """Return the question with its passages and, where they reach the threshold and a model is wanted, its prompt.

    No model is asked about passages that do not reach the threshold: it would answer all the same. Raises what looking
    for passages raises, and ``InvalidRequest`` where only a model may answer and there is none or it has no room.
    """
    if chat is None and ask.generation is Generator.MODEL:
        raise InvalidRequest(
            "No chat model is set up.", remedy="Set RAG_CHAT_URL, or ask with generation 'extractive'."
        )
    query = Query(
        caller=caller,
        collection=ask.collection,
        text=ask.question,
        top_k=ask.top_k,
        filters=ask.filters,
        groups=ask.groups,
    )
    found = retriever.search(query)
    order = tuple(range(len(found.passages)))
    if chat is None or ask.generation is Generator.EXTRACTIVE or retriever.why_not(found) is not None:
        return Prepared(ask=ask, query=query, found=found, order=order, prompt=None, sampling=None, count_tokens=len)
    count = _count_tokens(chat, retriever, found)
    sampling = _sampling(ask, chat)
    try:
        prompt = build_prompt(
            ask.question,
            found.passages,
            budget_tokens=chat.context_tokens - sampling.max_tokens,
            count_tokens=count,
            history=ask.history,
            reserved=frozenset() if chat.tokenizer is None else chat.tokenizer.marks,
        )
    except PromptTooLarge as error:
        if ask.generation is Generator.MODEL:
            raise
        prompt, because = None, error.message
    else:
        because = None
        given = frozenset(prompt.passages)
        order = (*prompt.passages, *(each for each in order if each not in given))
    return Prepared(
        ask=ask,
        query=query,
        found=found,
        order=order,
        prompt=prompt,
        sampling=sampling,
        count_tokens=count,
        because=because,
    )


def _sampling(ask: Ask, chat: Chat) -> Sampling:
    return Sampling(
        temperature=chat.temperature if ask.temperature is None else ask.temperature,
        seed=chat.seed if ask.seed is None else ask.seed,
        max_tokens=min(ask.max_tokens or chat.max_tokens, chat.max_tokens, chat.context_tokens // 2),
    )


def _count_tokens(chat: Chat, retriever: Retriever, found: Found) -> CountTokens:
    """Return the model's own count or, where nobody gave its tokenizer, the embedding model's, counted from above."""
    if chat.tokenizer is not None:
        return chat.tokenizer.count
    embedder = retriever.encoders.load(found.index.spec)
    return counted_from_above(lambda text: len(embedder.offsets(text)))
