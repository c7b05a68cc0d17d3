"""What ``rag status`` says of streams: asked of the query API, and left out while that does not answer."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from local_stack.status import PartStatus

_TIMEOUT_S = 2.0
_MAX_BYTES = 4 * 1024 * 1024
_MORE_OF_QUEUES = {
    "ignored": "of no source",
    "left_to_sweep": "deletions left to the sweep",
    "dead_letters": "became dead letters",
}


def streams_of(parts: Sequence[PartStatus]) -> list[dict[str, Any]]:
    """Return every collection's streams as ``/v1/streams`` shows them; none while the API is not there to ask."""
    url = next((part.url for part in parts if part.name == "api" and part.state == "running"), None)
    if url is None:
        return []
    import http.client

    where, key = urlsplit(url), os.environ.get("RAG_API_KEY", "")
    try:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/v1/streams", headers={"X-API-Key": key} if key else {})
            answer = connection.getresponse()
            body = answer.read(_MAX_BYTES)
            return list(json.loads(body)["collections"]) if answer.status == http.client.OK else []
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return []


def stream_lines(collections: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give a line for what keeps a stream or source from being read, for each topic, for what waits to be sent."""
    dead = 0
    for each in collections:
        for stream in each["streams"]:
            dead += stream["dead_letters"]
            named, why = f"{each['collection']}/{stream['name']}", unread_reason(stream)
            if why:
                yield f"{named}: {why}"
            for topic in stream["topics"]:
                yield _topic_line(named, topic, is_read=not why)
        for queue in each.get("queues", ()):
            yield f"{each['collection']}/{queue['source']}: {_queue_line(queue)}"
        for source in each.get("failing_sources", ()):
            yield f"{each['collection']}/{source['source']}: failing since {source['since']}: {_line(source['reason'])}"
        if each["waiting_to_be_sent"]:
            yield f"{each['collection']}: {each['waiting_to_be_sent']} messages wait to be sent to Kafka"
    if dead:
        yield f"{dead} dead letters wait: rag dlq list"


def unread_reason(stream: Mapping[str, Any]) -> str:
    """Return what keeps a stream, as the API shows it, from being read, with what to do; empty where nothing does."""
    said = [f"stopped: {stop['kind']} — {_line(stop['reason'])} — {stop['remedy']}" for stop in stream["stops"]]
    if stream["trouble"]:
        said.append(f"not read since {stream['trouble']['since']}: {_line(stream['trouble']['reason'])}")
    if not said and not stream["topics"]:
        said.append("waits for a topic to be there" if stream["moved_at"] else "not read yet; see 'rag logs listener'")
    return "; ".join(said)


def _queue_line(queue: Mapping[str, Any]) -> str:
    """Return how a source's queue was read last, and what keeps it from being read."""
    said = [f"queue {queue['name']}".rstrip()]
    if queue["trouble"]:
        said.append(f"not read since {queue['trouble']['since']}: {_line(queue['trouble']['reason'])}")
    elif queue["looked_at"] is None:
        said.append("not read yet; see 'rag logs listener'")
    if queue["waiting"] is not None and not queue["trouble"]:
        said.append(f"{queue['waiting']} waiting, {queue['in_flight']} being read")
    if queue["received_at"] is not None:
        age = _span((datetime.now(UTC) - datetime.fromisoformat(queue["received_at"])).total_seconds())
        delay = "" if queue["oldest_s"] is None else f" ({_span(queue['oldest_s'])} after it was sent)"
        said.append(f"last message {age} ago{delay}")
    said.append(f"{queue['messages']} read, {queue['recorded']} new or changed")
    said += [f"{queue[name]} {what}" for name, what in _MORE_OF_QUEUES.items() if queue[name]]
    return ", ".join(said)


def _line(text: str) -> str:
    """Return a text of others as one line that says nothing to a terminal."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _topic_line(stream: str, topic: Mapping[str, Any], *, is_read: bool) -> str:
    parts = topic["partitions"]
    records = sum(part["records"] for part in parts)
    lag = f"lag {sum(part['lag'] for part in parts)}, " if is_read else ""  # else it is that of the last reading
    dead = sum(part["dead_letters"] for part in parts)
    ages = [part["newest_message_age_s"] for part in parts if part["newest_message_age_s"] is not None]
    newest = f", newest {_span(min(ages))} old" if ages else ""
    places = "partition" if len(parts) == 1 else "partitions"
    counts = f"{records} read, {lag}{dead} dead letters{newest}"
    return f"{stream}: topic {topic['topic']}, {len(parts)} {places}, {counts}"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
