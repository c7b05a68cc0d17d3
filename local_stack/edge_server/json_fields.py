"""Reading fields of JSON objects: absent and null are the same, and a field that nobody reads is never ignored."""

from collections.abc import Mapping, Set
from typing import Any

from local_stack.edge_server.refusals import Malformed, NotServed

JsonObject = dict[str, Any]


def as_object(value: Any, what: str) -> JsonObject:
    """Return ``value`` if it is an object."""
    if not isinstance(value, dict):
        raise Malformed(f"Format error in JSON body: {what} must be an object")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """Return ``value`` if it is a list."""
    if not isinstance(value, list):
        raise Malformed(f"Format error in JSON body: {what} must be a list")
    return value


def one_or_many(value: Any) -> list[Any]:
    """Return a list as it is, nothing as an empty list, and anything else as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def only(value: Mapping[str, Any], known: Set[str], what: str) -> None:
    """Raise ``NotServed`` for a field that is set and that this server does not know."""
    if value.keys() <= known:
        return
    for key, given in value.items():
        if key not in known and given is not None:
            raise NotServed(f"{what}: {key[:64]}")


def required(value: Mapping[str, Any], key: str, what: str) -> Any:
    """Return the field ``key``, which must be there."""
    found = value.get(key)
    if found is None:
        raise Malformed(f"Format error in JSON body: {what}: missing field `{key}`")
    return found


def text(value: Mapping[str, Any], key: str, what: str) -> str:
    """Return the field ``key``, which must be a string."""
    found = required(value, key, what)
    if not isinstance(found, str):
        raise Malformed(f"Format error in JSON body: {what}: `{key}` must be a string")
    return found


def number(value: Mapping[str, Any], key: str, *, default: int, least: int, most: int) -> int:
    """Return the whole number ``key`` within its bounds, ``default`` without one."""
    found = value.get(key)
    if found is None:
        return default
    if type(found) is not int or not least <= found <= most:
        raise Malformed(f"Wrong input: `{key}` must be a whole number from {least} to {most}")
    return found


def flag(value: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """Return the boolean ``key``, ``default`` without one."""
    found = value.get(key)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise Malformed(f"Format error in JSON body: `{key}` must be a boolean")
    return found
