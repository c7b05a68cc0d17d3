"""Metadata that a message brings: plain JSON within the limits that sidecars have."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

from rag_core.identity import Json
from rag_core.messages.message import MessageRejected, RejectKind
from rag_core.messages.reading import Fields, is_storable, kind_of
from rag_core.messages.rejecting import rejected
from rag_core.metadata import (
    ALLOWED_GROUPS,
    MAX_FIELDS,
    MAX_GROUP_CHARS,
    MAX_GROUPS,
    MAX_SIDECAR_BYTES,
    MAX_VALUE_CHARS,
)

_MAX_NAME_CHARS = 200
_MAX_DEPTH = 4
# As JSON writes them, quotes and commas among it: a control character is \u001f.
_MAX_BYTES_A_CHAR = 7
_MAX_BYTES_A_VALUE = 256
_MAX_INTEGER = 2**63 - 1
# Title and URL stand beside the fields.
_MAX_OWN_FIELDS = MAX_FIELDS - 2


def metadata_of(fields: Fields, name: str = "metadata") -> dict[str, Json]:
    """Return a form's metadata field, checked; empty where it is missing or null. Raises ``MessageRejected``."""
    value = fields.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise _bad(f"it is {kind_of(value)} and no object")
    return checked_metadata(cast("Fields", value))


def checked_metadata(given: Fields) -> dict[str, Json]:
    """Return metadata that can be stored and filtered by; raises ``MessageRejected``."""
    if len(given) > _MAX_OWN_FIELDS:
        raise _bad(f"it has {len(given)} fields, the limit is {_MAX_OWN_FIELDS}")
    checked = {
        name if name.isascii() and name.isidentifier() and len(name) <= _MAX_NAME_CHARS else _name(name): _plain(
            name, value, 0
        )
        for name, value in given.items()
    }
    if ALLOWED_GROUPS in checked:
        _check_groups(checked[ALLOWED_GROUPS])
    return checked


def details_text(metadata: Mapping[str, Json], *, title: str | None, url: str | None) -> str:
    """Return what a message says of its document as the JSON that is kept, in the shape of a sidecar."""
    said = {name: value for name, value in (("title", title), ("url", url)) if value is not None}
    return json.dumps({**metadata, **said}, ensure_ascii=False, separators=(",", ":"))


def check_details(metadata: Mapping[str, Json], *, title: str | None, url: str | None) -> None:
    """Raise ``MessageRejected`` where the details are longer than a sidecar may be; written out only if they may be."""
    bound = _MAX_BYTES_A_CHAR * (len(title or "") + len(url or ""))
    for name, value in metadata.items():
        bound += _MAX_BYTES_A_CHAR * (len(name) + len(value)) if type(value) is str else _MAX_BYTES_A_VALUE
        if isinstance(value, list | dict):
            bound += MAX_SIDECAR_BYTES
    if bound <= MAX_SIDECAR_BYTES:
        return
    size = len(details_text(metadata, title=title, url=url).encode())
    if size > MAX_SIDECAR_BYTES:
        raise _bad(f"with title and URL it is {size} bytes long, the limit is {MAX_SIDECAR_BYTES}")


def _name(name: str) -> str:
    if not name or len(name) > _MAX_NAME_CHARS or not is_storable(name):
        raise _bad(f"a field's name is empty, longer than {_MAX_NAME_CHARS} characters or holds a NUL")
    return name


def _plain(name: str, value: object, depth: int) -> Json:
    if type(value) is str:
        if len(value) <= MAX_VALUE_CHARS and value.isprintable():
            return value
        if len(value) > MAX_VALUE_CHARS:
            raise _bad(f"{name!r} is longer than {MAX_VALUE_CHARS} characters")
        if not is_storable(value):
            raise _bad(f"{name!r} holds a NUL or half of a surrogate pair")
        return value
    if value is None or type(value) is bool:
        return value
    if type(value) is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    kind = type(value)
    if depth < _MAX_DEPTH and kind is list:
        items = cast("list[object]", value)
        if len(items) <= MAX_GROUPS:
            return [_plain(name, item, depth + 1) for item in items]
    if depth < _MAX_DEPTH and kind is dict:
        fields = cast("Fields", value)
        if len(fields) <= MAX_FIELDS:
            return {_name(field): _plain(name, item, depth + 1) for field, item in fields.items()}
    raise _bad(f"{name!r} is too large, too deep or a number out of range")


def _check_groups(value: Json) -> None:
    """Refuse what cannot be read as groups: it must never be taken for "everyone"."""
    groups: Sequence[Json] = (
        value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [None]
    )
    fit = all(isinstance(group, str) and len(group) <= MAX_GROUP_CHARS for group in groups)
    if not fit or len(groups) > MAX_GROUPS:
        raise _bad(f"{ALLOWED_GROUPS!r} must be a list of at most {MAX_GROUPS} names")


def _bad(what: str) -> MessageRejected:
    return rejected(RejectKind.BAD_METADATA, f"Its metadata cannot be used: {what}.")
