"""``rag produce … --wait``: until the collections that read the topic have read it, and have no work left."""

import time
from collections.abc import Mapping
from typing import Any

from local_stack.cli import api_client
from local_stack.cli.streams_status import unread_reason
from rag_core.errors import InvalidRequest

_EVERY_S = 0.5


def wait_until_done(topic: str, last_offsets: Mapping[int, int], *, timeout_s: float) -> dict[str, dict[str, int]]:
    """Return, for each collection that reads the topic, its documents by state, once none of them waits.

    Raises ``InvalidRequest`` where a stream is stopped, or after ``timeout_s``.
    """
    ends = time.monotonic() + timeout_s
    while True:
        collections = api_client.get("/v1/streams")["collections"]
        reading = {each["collection"]: _read_to(each, topic, last_offsets) for each in collections if _has(each, topic)}
        if reading and all(reading.values()):
            listed = {each["name"]: each for each in api_client.get("/v1/collections")["collections"]}
            if all(listed[name]["waiting"] == 0 for name in reading):
                return {name: listed[name]["documents"] for name in sorted(reading)}
        if time.monotonic() >= ends:
            named = ", ".join(sorted(reading)) or "no collection"
            raise InvalidRequest(
                f"After {timeout_s:.0f} s not all that was sent is done; {named} reads topic {topic}.",
                remedy="'rag status' shows how far each stream is, 'rag collections list' what waits.",
            )
        time.sleep(_EVERY_S)


def _has(collection: Mapping[str, Any], topic: str) -> bool:
    return any(each["topic"] == topic for stream in collection["streams"] for each in stream["topics"])


def _read_to(collection: Mapping[str, Any], topic: str, last_offsets: Mapping[int, int]) -> bool:
    """Say whether the topic is read beyond these offsets; raises ``InvalidRequest`` for a stopped stream."""
    for stream in collection["streams"]:
        for each in stream["topics"]:
            if each["topic"] != topic:
                continue
            if stream["stops"]:
                raise InvalidRequest(f"{collection['collection']}/{stream['name']}: {unread_reason(stream)}")
            read = {part["partition"]: part["next_offset"] for part in each["partitions"]}
            if any(read.get(number, 0) <= offset for number, offset in last_offsets.items()):
                return False
    return True
