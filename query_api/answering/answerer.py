"""Answers whole or streamed, by the chat model within its bounds, or by quotation when it is away.

In order, and what each step prevents:

1. Passages are found and the threshold decides: a model never answers from passages that do not reach it.
2. A place on the way to the model is taken before anything is sent: whoever finds none is told so by a status.
3. The model writes in a task of its own: a reader that is slow keeps no place, one that leaves ends the request.
4. What it writes passes the check of citations piece by piece; an outage, or a text that names no passage, is replaced
   by quotation, which says so.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial

import anyio.to_thread

from query_api.answering.asking import (
    Answered,
    AnswerFailed,
    AnswerReady,
    Ask,
    Event,
    FellBack,
    Generator,
    PassagesFound,
    StillHere,
    TextWritten,
    Usage,
)
from query_api.answering.model_lane import ModelLane, Place
from query_api.answering.outcomes import quoted, unanswered, written
from query_api.answering.preparing import Prepared, prepare
from query_api.answering.writing import Writing
from query_api.observing.stages import Stage
from query_api.observing.telemetry import Telemetry
from query_api.retrieving import Retriever
from rag_core.answering.extractive import Abstained
from rag_core.callers import Caller
from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.chat import Chat

HEARTBEAT_S = 10.0
_UNCITED = "What the chat model wrote names no passage that it could come from."
_log = logging.getLogger("query_api")
Emit = Callable[[Event], None]


class Opened:
    """A question that may be answered: its passages are found, its place is taken; ``close`` gives the place back."""

    def __init__(self, prepared: Prepared, place: Place | None) -> None:
        self.prepared = prepared
        self.place = place

    def close(self) -> None:
        """Give the place back; again does nothing."""
        if self.place is not None:
            self.place.leave()


class Answerer:
    """Answers the questions of one process; ``chat`` and its ``lane`` are None where no model is set up."""

    def __init__(
        self,
        retriever: Callable[[], Retriever],
        chat: Chat | None,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._retriever = retriever
        self.chat = chat
        self._heartbeat_s = heartbeat_s
        self.lane = None if chat is None else ModelLane(at_once=chat.at_once, waiting=chat.waiting)
        self._telemetry = telemetry or Telemetry()
        if self.lane is not None:
            self._telemetry.watch(self.lane)

    async def answer(self, ask: Ask, caller: Caller) -> Answered:
        """Return the whole answer; raises what ``open`` raises, and ``DependencyUnavailable`` of a wanted model."""
        opened = await self.open(ask, caller)
        try:
            return await self._answered(opened, lambda _: None, in_order_of_quotes=True)
        finally:
            opened.close()

    async def stream(self, ask: Ask, caller: Caller) -> AsyncGenerator[Event]:
        """Yield the events of an answer; raises like ``open`` before the first."""
        opened = await self.open(ask, caller)
        async with aclosing(self.events(opened)) as events:
            async for event in events:
                yield event

    async def open(self, ask: Ask, caller: Caller) -> Opened:
        """Find the passages and take a place; raises ``InvalidRequest``, ``Transient``, ``ModelBusy``."""
        prepared = await anyio.to_thread.run_sync(partial(prepare, ask, caller, self._retriever(), self.chat))
        wants_model = prepared.prompt is not None and self.lane is not None
        return Opened(prepared, self.lane.enter() if wants_model and self.lane is not None else None)

    async def events(self, opened: Opened) -> AsyncGenerator[Event]:
        """Yield what happens until ``AnswerReady`` or ``AnswerFailed``; closing it ends the request to the model."""
        happened: asyncio.Queue[Event] = asyncio.Queue()
        answering = asyncio.create_task(self._answer_into(happened, opened))
        try:
            while True:
                try:
                    event = await asyncio.wait_for(happened.get(), self._heartbeat_s)
                except TimeoutError:
                    event = StillHere()
                yield event
                if isinstance(event, AnswerReady | AnswerFailed):
                    return
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering

    async def close(self) -> None:
        """Close the connections to the model."""
        if self.chat is not None:
            await self.chat.model.close()

    async def _answer_into(self, happened: "asyncio.Queue[Event]", opened: Opened) -> None:
        try:
            answered = await self._answered(opened, happened.put_nowait, in_order_of_quotes=False)
            happened.put_nowait(AnswerReady(answered=answered))
        except RagError as error:
            happened.put_nowait(AnswerFailed(error=error))
        except Exception:  # noqa: BLE001 - whatever it is, the stream must end with a word
            _log.exception("A streamed answer failed.")
            happened.put_nowait(
                AnswerFailed(error=RagError("Something went wrong here.", remedy="See 'rag logs api'."))
            )
        finally:
            opened.close()

    async def _answered(self, opened: Opened, emit: Emit, *, in_order_of_quotes: bool) -> Answered:
        answered = await self._by_whom_it_may(opened, emit, in_order_of_quotes=in_order_of_quotes)
        self._telemetry.answered(answered)
        return answered

    async def _by_whom_it_may(self, opened: Opened, emit: Emit, *, in_order_of_quotes: bool) -> Answered:
        prepared = opened.prepared
        emit(PassagesFound(passages=tuple(prepared.found.passages[each] for each in prepared.order)))
        usage, because = Usage(), prepared.because
        if because is not None:
            self._telemetry.fell_back("no_room")
        if self.chat is not None and opened.place is not None:
            writing = Writing(prepared)
            try:
                answered = await self._written(self.chat, writing, opened, emit)
                if answered is not None:
                    return answered
                because = _UNCITED
                self._telemetry.fell_back("uncited")
            except DependencyUnavailable as error:
                if prepared.ask.generation is Generator.MODEL:
                    raise
                _log.warning("Quotation answers: %s", error)
                because = error.message
                self._telemetry.fell_back("outage")
            finally:
                opened.close()
            usage = writing.usage
            emit(FellBack(because=because))
        with self._telemetry.stage(Stage.QUOTE):
            answered = await anyio.to_thread.run_sync(
                partial(
                    quoted,
                    prepared,
                    self._retriever(),
                    in_order_of_quotes=in_order_of_quotes,
                    usage=usage,
                    model=None if because is None or self.chat is None else self.chat.model.name,
                    because=because,
                )
            )
        if opened.place is None and answered.text is not None:
            emit(TextWritten(text=answered.text))
        return answered

    async def _written(self, chat: Chat, writing: Writing, opened: Opened, emit: Emit) -> Answered | None:
        """Return what the model answers; None where it names no passage and quotation may answer in its place."""
        prepared, threshold, model = opened.prepared, self._retriever().answer_threshold, chat.model.name
        await self._write(chat, writing, opened, emit)
        if writing.is_cited:
            return written(prepared, writing, threshold=threshold, model=model)
        if writing.checked().declined:
            return unanswered(prepared, writing, Abstained.NOT_IN_PASSAGES, threshold=threshold, model=model)
        if prepared.ask.generation is Generator.MODEL:
            return unanswered(prepared, writing, Abstained.UNSUPPORTED, threshold=threshold, model=model)
        return None

    async def _write(self, chat: Chat, writing: Writing, opened: Opened, emit: Emit) -> None:
        """Let the model write its whole answer; raises ``DependencyUnavailable``."""
        prompt, sampling, place = opened.prepared.prompt, opened.prepared.sampling, opened.place
        if prompt is None or sampling is None or place is None:
            return
        try:
            async with asyncio.timeout(chat.timeout_s):
                with self._telemetry.stage(Stage.QUEUE):
                    await place.turn()
                with self._telemetry.stage(Stage.GENERATE):
                    began_s, has_begun = time.perf_counter(), False
                    async with aclosing(chat.model.stream(prompt, sampling)) as deltas:
                        async for delta in deltas:
                            if not has_begun and delta.text:
                                has_begun = True
                                self._telemetry.first_token(time.perf_counter() - began_s)
                            _emit_text(emit, writing.take(delta))
        except TimeoutError as error:
            raise DependencyUnavailable(
                f"The chat model did not finish within {chat.timeout_s:g} s.", dependency="chat model"
            ) from error
        _emit_text(emit, writing.end())


def _emit_text(emit: Emit, text: str) -> None:
    if text:
        emit(TextWritten(text=text))
