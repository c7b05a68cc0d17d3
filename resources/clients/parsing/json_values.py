"""Turns what YAML or a PDF's information dictionary holds into bounded, plain JSON."""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import cast

from rag_core.parsed import JsonValue
from rag_core.text_cleaning import clean_characters

_MAX_VALUES = 5_000
_MAX_DEPTH = 16
_MAX_STRING_CHARS = 20_000


class TooMuchMetadataError(ValueError):
    """The metadata is deeper or larger than anybody writes by hand."""


def plain_mapping(values: Mapping[object, object]) -> dict[str, JsonValue]:
    """Return a mapping as JSON; dates become ISO strings, NaN becomes None, strings lose invisible characters.

    Raises ``TooMuchMetadataError`` beyond 5,000 values or 16 levels: YAML aliases can unfold a line into millions.
    """
    budget = [_MAX_VALUES]
    return {_text(key): _plain(value, budget, 1) for key, value in values.items()}


def _plain(value: object, budget: list[int], depth: int) -> JsonValue:
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        message = f"more than {_MAX_VALUES:,} values or {_MAX_DEPTH} levels"
        raise TooMuchMetadataError(message)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)[:_MAX_STRING_CHARS]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {_text(key): _plain(item, budget, depth + 1) for key, item in pairs.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes | bytearray):
        items = cast("Sequence[object]", value)
        return [_plain(item, budget, depth + 1) for item in items]
    return _text(value)


def _text(value: object) -> str:
    return clean_characters(str(value))[:_MAX_STRING_CHARS]
