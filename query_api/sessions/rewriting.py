"""Follow-ups rewritten: by the chat model where one is set up and has a place, else by the rule."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from query_api.answering.model_lane import ModelBusy, ModelLane, Place
from rag_core.answering.generation import Prompt, Sampling
from rag_core.errors import DependencyUnavailable
from rag_core.sessions.follow_up import follow_up
from rag_core.sessions.rewriting import MAX_TOKENS, rewriting_prompt, rewritten
from rag_core.sessions.values import ChatMessage
from resources.clients.chat import Chat
from resources.clients.chat.tokens import counted_from_above

TIMEOUT_S = 10.0
_log = logging.getLogger("query_api")


class Rewriter:
    """Rewrites the questions of one process; ``lane`` are the model's places, shared with its answers."""

    def __init__(self, chat: Chat | None, lane: ModelLane | None) -> None:
        self._chat = chat
        self._lane = lane

    async def standalone(self, question: str, history: Sequence[ChatMessage], *, by_model: bool = True) -> str:
        """Return the question as one that can be looked up alone; without a talk before it, as it is.

        ``by_model`` is false where the caller wants no model to have a part in the answer. A model that is busy, away,
        slow or says something else is no reason to fail: the rule rewrites then.
        """
        if not history:
            return question
        by_rule = follow_up(question, history).text
        if not by_model or self._chat is None or self._lane is None:
            return by_rule
        prompt = self._prompt(self._chat, question, history)
        if prompt is None:
            return by_rule
        try:
            place = self._lane.enter()
        except ModelBusy:
            return by_rule
        try:
            written = await self._written(self._chat, prompt, place)
        except (DependencyUnavailable, TimeoutError) as error:
            _log.warning("A follow-up is rewritten by rule: %s", error)
            return by_rule
        finally:
            place.leave()
        return rewritten(written, question, history) or by_rule

    def _prompt(self, chat: Chat, question: str, history: Sequence[ChatMessage]) -> Prompt | None:
        tokenizer = chat.tokenizer
        return rewriting_prompt(
            question,
            history,
            budget_tokens=chat.context_tokens - MAX_TOKENS,
            count_tokens=counted_from_above(lambda _: 0) if tokenizer is None else tokenizer.count,
            reserved=frozenset() if tokenizer is None else tokenizer.marks,
        )

    async def _written(self, chat: Chat, prompt: Prompt, place: Place) -> str:
        sampling = Sampling(temperature=0, seed=chat.seed, max_tokens=MAX_TOKENS)
        pieces: list[str] = []
        async with asyncio.timeout(min(TIMEOUT_S, chat.timeout_s)):
            await place.turn()
            async with aclosing(chat.model.stream(prompt, sampling)) as deltas:
                async for delta in deltas:
                    pieces.append(delta.text)  # noqa: PERF401 - of a stream that may end early
        return "".join(pieces)
