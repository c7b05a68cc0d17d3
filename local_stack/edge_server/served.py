"""One collection as it is served: its shard, and the one way in which its points are changed."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.configuration import VectorSchema, vector_schema
from local_stack.edge_server.json_fields import JsonObject
from local_stack.edge_server.manifest import Entry
from local_stack.edge_server.payload_indexes import shown_schema
from local_stack.edge_server.points import check_names
from local_stack.edge_server.refusals import NotFound, asking_engine, no_collection
from local_stack.edge_server.updates import Operation, Update


class ServedCollection:
    """A collection's open shard with what the server must remember of it while it runs.

    Every change goes through ``apply``. While a copy of the shard is optimized in another process, ``journal`` holds
    the operations since the copy was made; they are repeated on it before it takes the shard's place.
    """

    def __init__(self, name: str, entry: Entry, folder: Path, shard: edge.EdgeShard) -> None:
        self.name = name
        self.folder = folder
        self.schema: VectorSchema = vector_schema(entry.config)
        self.shard = shard
        self.closed = False
        self.journal: list[Update] | None = None
        self.unoptimized_points = max(0, shard.info().points_count - entry.optimized_points)
        self.unflushed_bytes = 0
        self.last_write_at = time.monotonic()
        self._gate = asyncio.Lock()
        self._operations = 0

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[None]:
        """Hold the right to change points; raises ``NotFound`` if the collection was deleted meanwhile.

        Only copying the shard's files holds it over an ``await``; readers never wait for it.
        """
        async with self._gate:
            if self.closed:
                raise no_collection(self.name)
            yield

    @property
    def is_held(self) -> bool:
        """Whether someone holds ``writing``: the shard's files must stay as they are."""
        return self._gate.locked()

    def apply(self, update: Update | None, *, size_bytes: int = 0) -> JsonObject:
        """Apply one change; when this returns it is in the write-ahead log and visible."""
        if update is not None:
            if self.journal is not None:
                self.journal.append(update)
            self.unoptimized_points += update.points
            self.unflushed_bytes += size_bytes + 1
            self.last_write_at = time.monotonic()
            with asking_engine():
                self.shard.update(update.operation)
        self._operations += 1
        return {"operation_id": self._operations, "status": "completed"}

    def flush(self) -> None:
        """Write everything to its segment files and shorten the log."""
        with asking_engine():
            self.shard.flush()
        self.unflushed_bytes = 0

    def repeat_on(self, shard: edge.EdgeShard, updates: list[Update]) -> None:
        """Repeat changes on a copy; one that failed here in part fails there in the same way."""
        for update in updates:
            with suppress(Exception):
                shard.update(update.operation)

    def change_index(self, operation: Operation) -> JsonObject:
        """Create or delete a payload index."""
        return self.apply(Update(operation=operation, points=0))

    def stored_vector(self, point_id: Any, using: str) -> Any:
        """Return the vector ``using`` of a point; raises ``NotFound``."""
        check_names([using], self.schema)
        with asking_engine():
            found = self.shard.retrieve([point_id], with_payload=False, with_vector=[using])
        vector = found[0].vector if found else None
        if isinstance(vector, dict):
            vector = vector.get(using)
        if vector is None:
            raise NotFound(f"Not found: No point with id {point_id} found")
        return vector

    def info(self) -> JsonObject:
        """Return the counts and the payload schema of a collection's info."""
        with asking_engine():
            info = self.shard.info()
        return {
            "status": "green" if self.journal is None else "yellow",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "payload_schema": shown_schema(info.payload_schema),
        }

    def close(self) -> None:
        """Flush and close the shard; nothing can be asked of it afterwards."""
        if not self.closed:
            self.closed = True
            self.shard.close()
