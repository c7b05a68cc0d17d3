"""What a form may take from a message's JSON: checked kinds, bounded lengths, storable texts."""

import base64
import json
import math
import re
from collections.abc import Set as AbstractSet
from typing import NoReturn, TypeAlias, cast

from rag_core.messages.message import RejectKind
from rag_core.messages.rejecting import bad_field, rejected

Fields: TypeAlias = dict[str, object]

MAX_TITLE_CHARS = 4096
MAX_URL_CHARS = 4096
MAX_WORD_CHARS = 1024
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FRAMING_BYTES = 5


def parse_object(value: bytes) -> Fields:
    """Return a record's JSON object; raises ``MessageRejected``. A schema registry's five bytes before it are left out.

    Numbers that JSON does not know (``NaN``) are refused, and so is what is nested deeper than the parser goes.
    """
    if value[:1] == b"\0" and value[_FRAMING_BYTES : _FRAMING_BYTES + 1] == b"{":
        value = value[_FRAMING_BYTES:]
    try:
        parsed: object = _DECODER.decode(value.decode())
    except UnicodeDecodeError as error:
        raise rejected(
            RejectKind.NOT_JSON, f"The value is no UTF-8: byte {error.start} begins no character."
        ) from error
    except RecursionError as error:
        raise rejected(RejectKind.NOT_JSON, "The value's JSON is nested too deeply.") from error
    except ValueError as error:
        raise rejected(RejectKind.NOT_JSON, f"The value is no JSON: {str(error)[:200]}.") from error
    if type(parsed) is not dict:
        raise rejected(RejectKind.NO_FORM, f"The value is JSON, but {kind_of(parsed)} and no object.")
    return cast("Fields", parsed)


def only_known(fields: Fields, known: AbstractSet[str]) -> None:
    """Refuse fields that the form does not have: a misspelt ``metadata`` must not widen who finds a document."""
    if not fields.keys() <= known:
        name = min(fields.keys() - known)
        raise bad_field(name[:80], f"is none of this form's ({', '.join(sorted(known))})")


def text_of(fields: Fields, name: str, *, max_chars: int) -> str | None:
    """Return a text field, None where it is missing, null or empty; raises ``MessageRejected``."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise bad_field(name, f"is {kind_of(value)}, it must be a text")
    return storable(name, value, max_chars=max_chars)


def required_text(fields: Fields, name: str, *, max_chars: int = MAX_WORD_CHARS) -> str:
    """Return a text field that must be there; raises ``MessageRejected``."""
    value = text_of(fields, name, max_chars=max_chars)
    if value is None:
        raise bad_field(name, "is missing")
    return value


def title_of(fields: Fields, name: str = "title") -> str | None:
    """Return a title, cut where titles end; raises ``MessageRejected``."""
    title = text_of(fields, name, max_chars=2**31)
    return None if title is None else title[:MAX_TITLE_CHARS]


def id_of(fields: Fields) -> str | None:
    """Return the ``id`` of a document as its body says it, a number as its digits; raises ``MessageRejected``."""
    value = fields.get("id")
    if type(value) is int:
        return str(value)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise bad_field("id", f"is {kind_of(value)}, it must be a text or an integer")
    return value


def size_of(value: object) -> int | None:
    """Return a number of bytes, which some stores write as a text; None where it is none."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if type(value) is int and 0 <= value < 2**63 else None


def object_of(fields: Fields, name: str) -> Fields | None:
    """Return a field that is an object; None where it is anything else."""
    value = fields.get(name)
    return cast("Fields", value) if type(value) is dict else None


def storable(name: str, text: str, *, max_chars: int) -> str:
    """Return a text that a database can hold; raises ``MessageRejected``."""
    if len(text) > max_chars:
        raise bad_field(name, f"is longer than {max_chars} characters")
    if not is_storable(text):
        raise bad_field(name, "holds a NUL or half of a surrogate pair")
    return text


def is_storable(text: str) -> bool:
    """Say whether a text has neither NUL nor half of a surrogate pair."""
    return "\0" not in text if text.isascii() else _UNSTORABLE.search(text) is None


def encoded(name: str, text: str, *, max_bytes: int) -> bytes:
    """Return a document's text as its body; raises ``MessageRejected``."""
    try:
        body = text.encode()
    except UnicodeEncodeError as error:
        raise bad_field(name, "holds half of a surrogate pair") from error
    return bounded(body, max_bytes)


def base64_decoded(name: str, text: str, *, max_bytes: int) -> bytes:
    """Return the bytes of a base64 text; raises ``MessageRejected``."""
    try:
        body = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise bad_field(name, f"is no base64 ({str(error)[:100]})") from error
    return bounded(body, max_bytes)


def bounded(body: bytes, max_bytes: int) -> bytes:
    """Return a body within the limit; raises ``MessageRejected``."""
    if len(body) > max_bytes:
        raise rejected(RejectKind.TOO_LARGE, f"It is {len(body)} bytes long, the limit is {max_bytes}.")
    return body


def printed(name: str, value: object) -> str | None:
    """Return a field's value as text: numbers and truth as JSON writes them, a list's items with commas.

    None where the value is null; raises ``MessageRejected`` for an object, or a list of anything but plain values.
    """
    if type(value) is str:
        return value
    if value is None:
        return None
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return str(value)
    if type(value) is list:
        items = cast("list[object]", value)
        if not any(type(item) in {list, dict} for item in items):
            return ", ".join(text for item in items if (text := printed(name, item)) is not None)
    raise bad_field(name, f"is {kind_of(cast('object', value))}: name what in it to take")


def kind_of(value: object) -> str:
    """Return what a value is, in JSON's words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "a number out of range"
    return _KINDS.get(type(value), "something else")


_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
