"""One question of the queue, from the right to answer it to what is stored of it.

1. Who asked is looked up anew: a key that was revoked meanwhile gets no answer, a narrowed one a narrower answer.
2. What cannot be answered fails at once; what a part that is away prevents is tried again later, so many times.
3. The end is stored with a compare: a worker that lost the question, by its own silence or to a deletion, stores
   nothing. The catalog being away for a moment loses no answer.
4. A worker that is told to stop gives the question back unspent.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from query_api.answering.answerer import Answerer
from query_api.connections import Connections
from query_api.correlation import request_id, trace_parent
from query_api.links import Links
from query_api.problems import problem_of
from query_api.shapes.asking import AskRequest, ask_of, ask_response
from rag_core.callers import LOCAL, Caller, Scope
from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest, RagError, Transient
from rag_core.queued_answers import Failure, FailureKind, TakenAnswer, answer_delay_s
from resources.clients.catalog.queued import Answers

_BEYOND_THE_MODEL_S = 60.0
"""How long finding passages and quoting may take, besides what the chat model may."""
_STORE_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_NOT_PERMITTED = Failure(
    kind=FailureKind.NOT_PERMITTED,
    message="The key that asked was revoked, expired, or may not read any more.",
    remedy="Ask again with a key that may; 'rag keys create' makes one.",
)
_DEFECT = Failure(
    kind=FailureKind.INTERNAL, message="Something went wrong here.", remedy="'rag logs answers' says what."
)
_log = logging.getLogger("query_api.queued")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    answer: Mapping[str, Any]
    seen_as: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Later:
    delay_s: float


class QuestionWork:
    """Answers the questions that one process has taken, and holds on to them meanwhile."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lease_s = connections.settings.answers_lease_s
        self._limit_s = connections.settings.chat_timeout_s + _BEYOND_THE_MODEL_S
        self._held: dict[UUID, asyncio.Task[Any]] = {}

    def take(self) -> TakenAnswer | None:
        """Take the question that is due longest; None when none is due."""
        return self._answers().take(lease_s=self._lease_s)

    def due_in_s(self) -> float | None:
        """Return when the next question is due; None when there is none."""
        return self._answers().due_in_s()

    async def work(self, taken: TakenAnswer) -> None:
        """Answer a question and store what became of it."""
        request_id.set(taken.request_id)  # of this task's own context
        trace_parent.set(taken.trace_parent)
        traces = self._connections.telemetry.traces
        with traces.span("answer", parent=taken.trace_parent, attributes={"attempt": taken.attempt}) as span:
            trace_parent.set(span.traceparent or taken.trace_parent)
            await self._worked(taken)

    async def _worked(self, taken: TakenAnswer) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._held[taken.holder] = task
        try:
            await self._store(taken, await self._outcome(taken))
        except asyncio.CancelledError:
            await self._give_back(taken)
            raise
        finally:
            self._held.pop(taken.holder, None)

    async def hold(self) -> None:
        """Renew the rights to what is being answered until cancelled; work on a question that was lost ends."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            held = dict(self._held)
            if not held:
                continue
            try:
                kept = await asyncio.to_thread(self._answers().renew, list(held), lease_s=self._lease_s)
            except RagError as error:
                _log.warning("Questions could not be held on to: %s", error)
                continue
            for holder, task in held.items():
                if holder not in kept and holder in self._held:
                    task.cancel()

    async def _outcome(self, taken: TakenAnswer) -> _Made | _Later | Failure:
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._made(taken)
        except TimeoutError:
            error = DependencyUnavailable(
                f"There was no answer within {self._limit_s:.0f} s.",
                dependency="answer",
                remedy="Ask something smaller.",
            )
            return _later(taken, error, said=(error.message, error.remedy))
        except Transient as error:
            return _later(taken, error, said=_as_problem(error))
        except (InvalidRequest, ConfigurationError) as error:
            is_wrong = isinstance(error, InvalidRequest)
            kind = FailureKind.INVALID_REQUEST if is_wrong else FailureKind.CONFIGURATION
            return _failure(kind, _as_problem(error))
        except Exception:  # noqa: BLE001 - whatever it is, the question must end with a word
            _log.exception("The question %s cannot be answered.", taken.answer_id)
            return _DEFECT

    async def _made(self, taken: TakenAnswer) -> _Made | Failure:
        caller = await asyncio.to_thread(self._caller, taken.owner)
        if caller is None or not caller.may(Scope.READ):
            return _NOT_PERMITTED
        try:
            ask = ask_of(AskRequest.model_validate(taken.request))
        except ValidationError as error:
            _log.warning("The question %s was queued by another version: %s", taken.answer_id, error)
            return _failure(
                FailureKind.INVALID_REQUEST, ("This version cannot read the question any more.", "Ask it again.")
            )
        answerer = await asyncio.to_thread(self._opened)
        answered = await answerer.answer(ask, caller)
        response = ask_response(ask, answered, Links(self._connections.settings.dagster_url))
        return _Made(answer=response.model_dump(mode="json"), seen_as=caller.groups_within(ask.groups))

    def _opened(self) -> Answerer:
        """Return the answerer, index and model's client opened: the first time that imports a lot, so in a thread."""
        self._connections.retriever()
        return self._connections.answerer()

    def _caller(self, owner: str) -> Caller | None:
        if not owner:
            return LOCAL if self._connections.settings.auth == "off" else None
        found = self._connections.catalog().keys.find(owner)
        return found.caller if found is not None and found.state(datetime.now(UTC)) == "live" else None

    async def _store(self, taken: TakenAnswer, outcome: _Made | _Later | Failure) -> None:
        answers = self._answers()
        match outcome:
            case _Made():
                store = partial(answers.finish, taken, outcome.answer, seen_as=outcome.seen_as)
            case _Later():
                store = partial(answers.give_back, taken, delay_s=outcome.delay_s, spends_attempt=True)
            case Failure():
                store = partial(answers.fail, taken, outcome)
        if not await _insisting(store):
            _log.info("The question %s was answered elsewhere, or deleted.", taken.answer_id)

    async def _give_back(self, taken: TakenAnswer) -> None:
        try:
            await asyncio.to_thread(self._answers().give_back, taken, delay_s=0.0, spends_attempt=False)
        except RagError as error:
            _log.warning("The question %s is taken again when nobody renews it: %s", taken.answer_id, error)

    def _answers(self) -> Answers:
        return self._connections.catalog().answers


async def _insisting(store: Callable[[], bool]) -> bool:
    """Store, again and again while the catalog is away; raises what the last attempt raised."""
    for pause_s in _STORE_AGAIN_AFTER_S:
        try:
            return await asyncio.to_thread(store)
        except DependencyUnavailable as error:
            _log.warning("An answer could not be stored yet: %s", error)
            await asyncio.sleep(pause_s)
    return await asyncio.to_thread(store)


def _later(taken: TakenAnswer, error: Exception, *, said: tuple[str, str]) -> _Later | Failure:
    _log.warning("Attempt %d at the question %s: %s", taken.attempt, taken.answer_id, error)
    delay_s = answer_delay_s(taken.attempt)
    return _failure(FailureKind.UNAVAILABLE, said) if delay_s is None else _Later(delay_s=delay_s)


def _as_problem(error: Exception) -> tuple[str, str]:
    """Return what the same error says to those who wait for their answer: without our addresses."""
    said = json.loads(bytes(problem_of(error).body))
    return said["detail"], said["remedy"]


def _failure(kind: FailureKind, said: tuple[str, str]) -> Failure:
    return Failure(kind=kind, message=said[0], remedy=said[1])
