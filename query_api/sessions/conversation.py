"""A question within a session, from its beginning to what is stored of it.

1. The session is held, and held on to by a task while the answer is made: no second question can be stored between.
2. The question is rewritten with what was said before, as far as the caller may still read it.
3. Question and answer are stored together before the answer leaves: what was seen to be answered can be leaned on.
4. A client that leaves before that has its question stored alone, as cancelled; a question that fails stores nothing.

A question outside any session takes along words of the talk that its client sent, by the rule, and is not stored.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import anyio.to_thread

from query_api.answering.asking import Answered, AnswerFailed, AnswerReady, Ask, Event
from query_api.answering.asking import Generator as AnswerBy
from query_api.sessions.rewriting import Rewriter
from query_api.sessions.talk import cited, said_before, talk
from rag_core.callers import Caller
from rag_core.errors import InvalidRequest, RagError
from rag_core.sessions.follow_up import follow_up
from rag_core.sessions.values import (
    LIMITS,
    NewMessage,
    Role,
    TurnStatus,
    owner_of,
    still_shown,
)
from resources.clients.catalog import Catalog
from resources.clients.catalog.chat import HELD_S, HeldTurn

_log = logging.getLogger("query_api")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn:
    """Where a question and its answer are stored; ``standalone`` is what was looked up in place of the question."""

    session_id: UUID
    turn: int
    standalone: str | None


class Conversations:
    """Opens sessions for questions; ``close`` waits for what is still being stored."""

    def __init__(self, catalog: Callable[[], Catalog], rewriter: Rewriter) -> None:
        self._catalog = catalog
        self._rewriter = rewriter
        self._storing: set[asyncio.Task[None]] = set()

    async def open(self, ask: Ask, caller: Caller, session_id: UUID | None) -> "Conversation":
        """Hold the session for a question; raises ``UnknownSession``, ``SessionBusy``, ``InvalidRequest``."""
        if session_id is None:
            return Conversation(replace(ask, question=follow_up(ask.question, said_before(ask)).text))
        if any(turn.role != "system" for turn in ask.history):
            raise InvalidRequest(
                "A session has a history of its own.", remedy="Send the question alone, or leave out 'session_id'."
            )
        holder = uuid4()
        try:
            catalog = await anyio.to_thread.run_sync(self._catalog)
            begin = partial(catalog.turns.begin, owner_of(caller), session_id, holder=holder)
            turn = await anyio.to_thread.run_sync(begin)
            _see_asks(turn, ask.collection)
            return await self._opened(ask, caller, catalog, turn)
        except Exception:  # whoever is told of it may ask again at once
            await asyncio.wait({self._later(self._released(session_id, holder))})
            raise
        except BaseException:  # a client that leaves, too: nobody else would give the session back
            self._later(self._released(session_id, holder))
            raise

    async def close(self) -> None:
        """Return when everything is stored."""
        await asyncio.gather(*self._storing, return_exceptions=True)

    async def _opened(self, ask: Ask, caller: Caller, catalog: Catalog, turn: HeldTurn) -> "Conversation":
        history = still_shown(caller, turn.history, turn.session.collections)
        held = asyncio.create_task(_hold(catalog, turn))
        try:
            by_model = ask.generation is not AnswerBy.EXTRACTIVE
            standalone = await self._rewriter.standalone(ask.question, history, by_model=by_model)
        except BaseException:
            held.cancel()
            raise
        return SessionTurn(
            replace(ask, question=standalone, history=(*ask.history, *talk(history))),
            asked=ask.question,
            eyes=caller.groups,
            seen_as=caller.groups_within(ask.groups),
            catalog=catalog,
            turn=turn,
            held=held,
            later=self._later,
        )

    async def _released(self, session_id: UUID, holder: UUID) -> None:
        catalog = await anyio.to_thread.run_sync(self._catalog)
        await anyio.to_thread.run_sync(catalog.turns.release, session_id, holder)

    def _later(self, storing: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(_said(storing))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        return task


class Conversation:
    """A question outside any session; ``ask`` is what to answer."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.stored: StoredTurn | None = None

    async def answered(self, answered: Answered) -> Answered:
        """Store the answer, and return it; raises ``TurnLost``."""
        return answered

    async def kept(self, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """Yield an answer's events, the last one once it is stored."""
        async with aclosing(events):
            async for event in events:
                yield await self._kept(event)

    @contextmanager
    def deciding(self, *, left: type[Exception]) -> Generator[None]:
        """End the turn by an exception: as cancelled by ``left`` or a cancellation, else as failed."""
        try:
            yield
        except (left, asyncio.CancelledError):
            self.close()
            raise
        except BaseException:
            self.fail()
            raise

    def close(self) -> None:
        """Say that the client has its answer, or left."""

    def fail(self) -> None:
        """Say that there will be no answer, through no fault of the client's."""

    async def _kept(self, event: Event) -> Event:
        if isinstance(event, AnswerFailed):
            self.fail()
        if isinstance(event, AnswerReady):
            try:
                await self.answered(event.answered)
            except RagError as error:
                return AnswerFailed(error=error)
        return event


class SessionTurn(Conversation):
    """A question of a session; whatever happens first of ``answered``, ``fail`` and ``close`` decides."""

    def __init__(
        self,
        ask: Ask,
        *,
        asked: str,
        eyes: tuple[str, ...] | None,
        seen_as: tuple[str, ...] | None,
        catalog: Catalog,
        turn: HeldTurn,
        held: "asyncio.Task[None]",
        later: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        super().__init__(ask)
        self._asked = asked
        self._eyes = eyes
        self._seen_as = seen_as
        self._catalog = catalog
        self._turn = turn
        self._held = held
        self._later = later
        self._is_decided = False

    async def answered(self, answered: Answered) -> Answered:
        """Store question and answer, and return the answer; raises ``TurnLost``."""
        self._decide()
        status = TurnStatus.ABSTAINED if answered.text is None else TurnStatus.ANSWERED
        said = [self._question(status), self._answer(status, answered)]
        number = await anyio.to_thread.run_sync(self._catalog.turns.finish, self._turn, said)
        self.stored = StoredTurn(session_id=self._turn.session.id, turn=number, standalone=self._standalone)
        return answered

    def close(self) -> None:
        """Store the question as cancelled where nothing else was decided: the client left."""
        if self._decide():
            self._later(self._store([self._question(TurnStatus.CANCELLED)]))

    def fail(self) -> None:
        """Store nothing and give the session back."""
        if self._decide():
            self._later(self._release())

    def _decide(self) -> bool:
        first = not self._is_decided
        self._is_decided = True
        self._held.cancel()
        return first

    @property
    def _standalone(self) -> str | None:
        return None if self.ask.question == self._asked else self.ask.question

    def _question(self, status: TurnStatus) -> NewMessage:
        return NewMessage(
            role=Role.USER,
            content=self._asked,
            collection=self.ask.collection,
            status=status,
            standalone=self._standalone,
            seen_as=self._eyes,
        )

    def _answer(self, status: TurnStatus, answered: Answered) -> NewMessage:
        made, passages = answered.generation, answered.found.passages
        return NewMessage(
            role=Role.ASSISTANT,
            content=(answered.text or "")[: LIMITS.answer_characters],
            collection=self.ask.collection,
            status=status,
            seen_as=self._seen_as,
            citations=tuple(cited(number, passages[each].place) for number, each in answered.citations.items()),
            generation={
                "mode": made.mode,
                "model": made.model,
                "template": made.template,
                "fell_back": made.fell_back,
                "because": made.because,
            },
            usage={
                "prompt_tokens": answered.usage.prompt_tokens,
                "completion_tokens": answered.usage.completion_tokens,
            },
        )

    async def _store(self, said: Sequence[NewMessage]) -> None:
        await anyio.to_thread.run_sync(self._catalog.turns.finish, self._turn, said)

    async def _release(self) -> None:
        await anyio.to_thread.run_sync(self._catalog.turns.release, self._turn.session.id, self._turn.holder)


def _see_asks(turn: HeldTurn, collection: str) -> None:
    if collection not in turn.session.collections:
        raise InvalidRequest(
            f"The session does not ask the collection {collection!r}.",
            remedy="Ask one of its own, or begin another session.",
        )


async def _hold(catalog: Catalog, turn: HeldTurn) -> None:
    """Hold on to the session until cancelled, or until it is lost."""
    while True:
        await asyncio.sleep(HELD_S / 3)
        try:
            if not await anyio.to_thread.run_sync(catalog.turns.renew, turn):
                return
        except RagError as error:
            _log.warning("A session could not be held on to: %s", error)


async def _said(storing: Coroutine[Any, Any, None]) -> None:
    try:
        await storing
    except RagError as error:
        _log.warning("A turn could not be ended, its session is free shortly: %s", error)
