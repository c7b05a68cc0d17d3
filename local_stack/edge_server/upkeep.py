"""Flushing and HNSW building beside the requests.

``optimize()`` of the engine holds the GIL until it is done (measured: 6 s for 10,000 points of 384 dimensions, in which
no other thread of the process ran), so it never runs in this process:

1. Hold writes, flush, copy the shard's folder (0.1 s for 100 MB, in a thread), start the journal. Reads go on.
2. Another process, at low priority, optimizes the copy. Reads and writes go on; the journal notes the writes.
3. Open the copy and repeat the journal on it, in slices between requests.
4. Repeat the rest, flush, name the new folder in the manifest, serve from it, delete the old one. Nothing awaits in
   between, so no write can be missed.

A crash before the manifest of step 4 leaves the old shard with every acknowledged write, and the copy without a name; a
crash after it leaves the new shard, which has them too.

A flush writes segment files and shortens the write-ahead log. It blocks for 0.1 s and protects nothing that the log
does not, so it waits for a quiet moment or for a long log.
"""

import asyncio
import logging
import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import qdrant_edge as edge

from local_stack.edge_server.optimize_shard import NOTHING_TO_DO, OPTIMIZED
from local_stack.edge_server.refusals import NotFound
from local_stack.edge_server.served import ServedCollection
from local_stack.edge_server.store import Store

_log = logging.getLogger(__name__)
MAX_JOURNALED_POINTS = 200_000
SLICE = 8
RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepRules:
    """When to flush and when to optimize.

    A collection is optimized once ``optimize_after_points`` points were written since the last time and no write came
    for ``quiet_s``; under steady writes when five times as many came and it grew by half.
    """

    optimize_after_points: int = 10_000
    quiet_s: float = 5.0
    flush_after_quiet_s: float = 1.0
    flush_after_bytes: int = 128 * 1024 * 1024
    look_every_s: float = 0.25


class Upkeep:
    """The background work of one store; ``run`` goes on until it is cancelled, one optimization at a time."""

    def __init__(self, store: Store, rules: UpkeepRules) -> None:
        self._store = store
        self._rules = rules
        self._not_before: dict[Path, float] = {}
        self._optimization: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Look at every collection again and again."""
        try:
            while True:
                await asyncio.sleep(self._rules.look_every_s)
                try:
                    for collection in self._store.all():
                        self._look(collection)
                except Exception:  # noqa: BLE001 - requests are served on, and upkeep must not end unnoticed
                    _log.exception("upkeep failed, goes on in %.0f s", RETRY_AFTER_S)
                    await asyncio.sleep(RETRY_AFTER_S)
        finally:
            if self._optimization is not None:
                self._optimization.cancel()
                with suppress(asyncio.CancelledError):
                    await self._optimization

    def _look(self, collection: ServedCollection) -> None:
        if collection.is_held:
            return
        quiet_s = time.monotonic() - collection.last_write_at
        if collection.unflushed_bytes and (
            quiet_s >= self._rules.flush_after_quiet_s or collection.unflushed_bytes >= self._rules.flush_after_bytes
        ):
            collection.flush()
        if (self._optimization is None or self._optimization.done()) and self._is_due(collection, quiet_s):
            self._optimization = asyncio.create_task(self._optimize_or_say_why_not(collection))

    def _is_due(self, collection: ServedCollection, quiet_s: float) -> bool:
        if time.monotonic() < self._not_before.get(collection.folder, 0.0):
            return False
        written, after = collection.unoptimized_points, self._rules.optimize_after_points
        if written >= after and quiet_s >= self._rules.quiet_s:
            return True
        return written >= 5 * after and written * 3 >= collection.shard.info().points_count

    async def _optimize_or_say_why_not(self, collection: ServedCollection) -> None:
        copy = self._store.new_folder(collection)
        try:
            await self._optimize(collection, copy)
        except NotFound:
            _log.info("collection %s was deleted while it was optimized", collection.name)
        except Exception:  # noqa: BLE001 - whatever went wrong with the copy, the collection itself is served on
            _log.exception("could not optimize collection %s, next try in %.0f s", collection.name, RETRY_AFTER_S)
            self._not_before[collection.folder] = time.monotonic() + RETRY_AFTER_S
        finally:
            collection.journal = None
            if copy != collection.folder:
                await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)

    async def _optimize(self, collection: ServedCollection, copy: Path) -> None:
        started_at = time.monotonic()
        async with collection.writing():
            collection.flush()
            copied_points = collection.shard.info().points_count
            pending = collection.unoptimized_points
            await asyncio.to_thread(shutil.copytree, collection.folder, copy)
            collection.journal = []
        if not await self._optimized_elsewhere(collection, copy):
            collection.unoptimized_points -= pending
            self._store.note_optimized(collection, copied_points)
            return
        shard = edge.EdgeShard.load(str(copy))
        try:
            repeated = await self._catch_up(collection, shard)
            # nothing awaits from here to the end of the swap
            collection.repeat_on(shard, collection.journal[repeated:])
            shard.flush()
            old = self._store.swap(collection, shard, copy, optimized_points=copied_points)
        except BaseException:
            if collection.shard is not shard:
                shard.close()
            raise
        collection.unoptimized_points = max(0, collection.unoptimized_points - pending)
        collection.unflushed_bytes = 0
        collection.journal = None
        await self._store.remove_folder(old)
        _log.info("optimized %s: %d points in %.1f s", collection.name, copied_points, time.monotonic() - started_at)

    async def _catch_up(self, collection: ServedCollection, shard: edge.EdgeShard) -> int:
        """Repeat the journal until only a slice is left and return how much of it is done."""
        repeated = 0
        while True:
            if collection.closed or collection.journal is None:
                raise NotFound(collection.name)
            rest = collection.journal[repeated:]
            if len(rest) <= SLICE:
                return repeated
            collection.repeat_on(shard, rest[:SLICE])
            repeated += SLICE
            await asyncio.sleep(0)

    async def _optimized_elsewhere(self, collection: ServedCollection, copy: Path) -> bool:
        """Optimize the copy in a process of its own; False when there was nothing to do."""
        command = (sys.executable, "-m", "local_stack.edge_server.optimize_shard", str(copy), str(os.getpid()))
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        ended = asyncio.create_task(process.wait())
        try:
            while not (await asyncio.wait({ended}, timeout=0.2))[0]:
                self._check_worth(collection)
        finally:
            if not ended.done():
                process.kill()
            code = await ended
        self._check_worth(collection)
        if code not in (OPTIMIZED, NOTHING_TO_DO):
            raise RuntimeError(f"the optimizing process of {collection.name} ended with {code}")
        return code == OPTIMIZED

    @staticmethod
    def _check_worth(collection: ServedCollection) -> None:
        """Raise when the copy can no longer take the shard's place."""
        if collection.closed or collection.journal is None:
            raise NotFound(collection.name)
        if sum(update.points for update in collection.journal) > MAX_JOURNALED_POINTS:
            raise RuntimeError(f"{collection.name} changed faster than its copy could be optimized")
