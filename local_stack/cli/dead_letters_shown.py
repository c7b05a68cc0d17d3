"""How dead letters are shown: bounded, and so that a message's bytes cannot steer a terminal."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from local_stack.cli.printing import plain, visible

if TYPE_CHECKING:
    from rich.table import Table

    from resources.clients.catalog.values import DeadLetter, DeadLetterRow

_MAX_SHOWN_BYTES = 4096
_MAX_HEADER_BYTES = 500
_MAX_KEY_CHARS = 80
_HEX_LINE = 32


def letters_table(rows: "Sequence[DeadLetterRow]") -> "Table":
    """Return a table of dead letters, one a row."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "collection", "stream", "place", "key", "bytes", "kind", "replays", "reason"):
        right = column in ("id", "bytes", "replays")
        table.add_column(column, overflow="fold", justify="right" if right else "left")
    for row in rows:
        key = "" if row.key is None else visible(row.key.decode("utf-8", "replace"))
        settled = "" if row.settled_at is None else " (settled)"
        table.add_row(
            str(row.id),
            row.collection,
            row.source,
            Text(_place(row.topic, row.place.partition, row.place.offset)),
            Text(key if len(key) <= _MAX_KEY_CHARS else f"{key[:_MAX_KEY_CHARS]}…"),
            str(row.value_bytes),
            row.kind,
            str(row.replays),
            Text(" ".join(plain(row.reason).split()) + settled),
        )
    return table


def row_json(row: "DeadLetterRow") -> dict[str, Any]:
    """Return a dead letter of a list as JSON."""
    return {
        "id": row.id,
        "collection": row.collection,
        "stream": row.source,
        "topic": row.topic,
        "partition": row.place.partition,
        "offset": row.place.offset,
        "timestamp_ms": row.place.timestamp_ms,
        "key_base64": _base64(row.key),
        "value_bytes": row.value_bytes,
        "is_kept": row.is_kept,
        "kind": row.kind,
        "reason": row.reason,
        "remedy": row.remedy,
        "recorded_at": row.recorded_at.isoformat(),
        "replays": row.replays,
        "replayed_at": None if row.replayed_at is None else row.replayed_at.isoformat(),
        "settled_at": None if row.settled_at is None else row.settled_at.isoformat(),
    }


def letter_json(found: "DeadLetter") -> dict[str, Any]:
    """Return a dead letter with all its bytes as JSON."""
    letter = found.letter
    return {
        "id": found.id,
        "collection": found.collection,
        "stream": found.source,
        "topic": letter.topic,
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        "timestamp_ms": letter.place.timestamp_ms,
        "key_base64": _base64(letter.key),
        "headers": [{"name": name, "value_base64": _base64(value)} for name, value in letter.headers],
        "value_base64": _base64(letter.value),
        "value_bytes": letter.value_bytes,
        "is_kept": letter.value is not None or letter.value_bytes == 0,
        "kind": letter.kind,
        "reason": letter.reason,
        "remedy": letter.remedy,
        "recorded_at": found.recorded_at.isoformat(),
        "replays": found.replays,
        "replayed_at": None if found.replayed_at is None else found.replayed_at.isoformat(),
        "settled_at": None if found.settled_at is None else found.settled_at.isoformat(),
    }


def letter_lines(found: "DeadLetter") -> Iterator[str]:
    """Give the lines that show a dead letter to a person."""
    letter = found.letter
    place = _place(letter.topic, letter.place.partition, letter.place.offset)
    yield f"dead letter {found.id} of {found.collection}/{found.source}: {place}"
    yield f"{letter.kind}: {_one_line(letter.reason)}"
    if letter.remedy:
        yield f"  {_one_line(letter.remedy)}"
    settled = "" if found.settled_at is None else f", settled {found.settled_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"recorded {found.recorded_at:%Y-%m-%d %H:%M:%S} UTC, replayed {found.replays} times{settled}"
    yield f"key: {'none' if letter.key is None else _text(letter.key, _MAX_HEADER_BYTES)}"
    for name, value in letter.headers:
        yield f"header {visible(name)}: {'none' if value is None else _text(value, _MAX_HEADER_BYTES)}"
    if letter.value is None:
        yield f"value: {letter.value_bytes} bytes, too large to keep" if letter.value_bytes else "value: none"
        return
    more = f", the first {_MAX_SHOWN_BYTES} of them" if len(letter.value) > _MAX_SHOWN_BYTES else ""
    yield f"value: {len(letter.value)} bytes{more}:"
    yield from _value_lines(letter.value[:_MAX_SHOWN_BYTES])


def _value_lines(value: bytes) -> Iterator[str]:
    """Give a value as text where it is text, as hex digits elsewhere."""
    text = value.decode("utf-8", "replace")
    if text.count("�") + text.count("\0") <= len(text) // 50:
        yield from (f"  {plain(line)}" for line in text.splitlines())
        return
    for at in range(0, len(value), _HEX_LINE):
        yield f"  {at:06x}  {value[at : at + _HEX_LINE].hex(' ', 4)}"


def _text(value: bytes, max_bytes: int) -> str:
    shown = visible(value[:max_bytes].decode("utf-8", "replace"))
    return shown if len(value) <= max_bytes else f"{shown}… ({len(value)} bytes)"


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())


def _place(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}, offset {offset}"


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()
