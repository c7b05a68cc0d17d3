"""A worker: answers what is queued and notifies those who wait, until it is told to stop."""

import asyncio
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

from query_api.connections import Connections
from query_api.queued.answering import QuestionWork
from query_api.queued.delivering import LEASE_S, DeliveryWork, Sender
from query_api.queued.lane import Lane
from rag_core.errors import RagError
from rag_core.queued_answers import TakenAnswer, TakenWebhook
from rag_core.webhooks import parse_webhook_hosts

GRACE_S = 20.0
"""How long what runs may go on when the worker is told to stop; less than its supervisor waits."""
DELIVERIES_AT_ONCE = 4
_LISTEN_AGAIN_S = 2.0
_THREADS = 32
_PRUNE_FIRST_S, _PRUNE_EVERY_S = 20.0, 3600.0
_log = logging.getLogger("query_api.queued")


class Worker:
    """Answers and notifies, so many at once; any number of workers share one catalog."""

    def __init__(
        self, connections: Connections, *, grace_s: float = GRACE_S, delivery_lease_s: float = LEASE_S
    ) -> None:
        settings = connections.settings
        self._connections = connections
        self._grace_s = grace_s
        self._questions = QuestionWork(connections)
        deliveries = DeliveryWork(
            lambda: connections.catalog().webhooks,
            Sender(parse_webhook_hosts(settings.webhook_hosts), secret=settings.webhook_secret or ""),
            lease_s=delivery_lease_s,
        )
        self._answering: Lane[TakenAnswer] = Lane(
            take=self._questions.take,
            due_in_s=self._questions.due_in_s,
            work=self._questions.work,
            at_once=settings.answers_concurrency,
        )
        self._delivering: Lane[TakenWebhook] = Lane(
            take=deliveries.take, due_in_s=deliveries.due_in_s, work=deliveries.work, at_once=DELIVERIES_AT_ONCE
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then end what runs or give it back; raises what nobody foresaw."""
        # Names that are looked up for long, in threads as well, must not keep answers from being stored.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="worker"))
        _log.info("Waiting for questions, %d answered at once.", self._connections.settings.answers_concurrency)
        side: list[asyncio.Task[Any]] = [
            asyncio.create_task(each) for each in (self._questions.hold(), self._listen(), self._prune())
        ]
        lanes: list[asyncio.Task[Any]] = [
            asyncio.create_task(lane.run(stop)) for lane in (self._answering, self._delivering)
        ]
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, *lanes, *side}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*lanes, *side):
                if task.done():
                    task.result()  # a defect: its supervisor starts another worker
            stop.set()
            self._wake()
            await asyncio.gather(*lanes)
            await asyncio.gather(
                self._answering.end(grace_s=self._grace_s), self._delivering.end(grace_s=self._grace_s)
            )
        finally:
            for task in (*lanes, *side, stopping):
                task.cancel()
            await asyncio.gather(*lanes, *side, stopping, return_exceptions=True)
            await self._connections.close_answerer()

    def _wake(self) -> None:
        self._answering.wake()
        self._delivering.wake()

    async def _listen(self) -> None:
        """Wake the lanes at every commit that has something for them."""
        while True:
            try:
                catalog = await asyncio.to_thread(self._connections.catalog)
                async with aclosing(catalog.answers_heard()) as heard:
                    async for _ in heard:
                        self._wake()
            except RagError as error:
                _log.warning("Nothing is heard of new questions: %s", error)
            await asyncio.sleep(_LISTEN_AGAIN_S)

    async def _prune(self) -> None:
        """Forget old questions, every so often."""
        wait_s, keep_days = _PRUNE_FIRST_S, self._connections.settings.answers_keep_days
        while True:
            await asyncio.sleep(wait_s)
            wait_s = _PRUNE_EVERY_S * random.uniform(0.9, 1.1)  # noqa: S311 - workers started together part
            try:
                while count := await asyncio.to_thread(self._connections.catalog().answers.prune, keep_days=keep_days):
                    _log.info("%d old questions were forgotten.", count)
            except RagError as error:
                _log.warning("Old questions are still there: %s", error)
