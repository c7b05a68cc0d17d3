"""JSON into frozen dataclasses, by their annotations.

Members that a class does not know are left out: a newer server says more. One that it needs and that is missing, or is
of another type, is an ``UnexpectedResponse`` that names the place, such as ``results[0].lineage.model``.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union, cast

from rag_client.errors import UnexpectedResponse

T = TypeVar("T")
Reader = Callable[[object, str], Any]
"""Takes a JSON value and its place; returns what it means."""


def decode(wanted: type[T], value: object) -> T:
    """Return a JSON value as a ``wanted``; raises ``UnexpectedResponse``."""
    return cast("T", _reader(wanted)(value, ""))


@cache
def _reader(wanted: Any) -> Reader:
    """Return how values of a type are read; each type is looked at once."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return lambda value, _: value
    if dataclasses.is_dataclass(wanted):
        return _object(cast("type[Any]", wanted))
    if origin in {Union, types.UnionType}:
        return _either(arguments)
    if origin is tuple:
        return _array(arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1])
    if wanted is datetime:
        return _moment
    return _plain(wanted)


def _object(wanted: type[Any]) -> Reader:
    hints = typing.get_type_hints(wanted)
    fields = [(field.name, _reader(hints[field.name]), _is_needed(field)) for field in dataclasses.fields(wanted)]

    def read(value: object, place: str) -> Any:
        members = _expected(dict, value, place)
        known: dict[str, Any] = {}
        for name, reader, is_needed in fields:
            where = f"{place}.{name}" if place else name
            if name in members:
                known[name] = reader(members[name], where)
            elif is_needed:
                raise UnexpectedResponse(f"The response has no {where!r}: is this a rag-assets API, and as new?")
        return wanted(**known)

    return read


def _is_needed(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _either(kinds: tuple[Any, ...]) -> Reader:
    """Read the first kind that fits; at most one of them is an object, so its message is the one to show."""
    readers = [_reader(kind) for kind in kinds if kind is not types.NoneType]
    may_be_null = types.NoneType in kinds

    def read(value: object, place: str) -> Any:
        if value is None and may_be_null:
            return None
        for each in readers[:-1]:
            try:
                return each(value, place)
            except UnexpectedResponse:
                continue
        return readers[-1](value, place)

    return read


def _array(kind: Any) -> Reader:
    reader = _reader(kind)

    def read(value: object, place: str) -> Any:
        items = _expected(list, value, place)
        return tuple(reader(item, f"{place}[{number}]") for number, item in enumerate(items))

    return read


def _mapping(kind: Any) -> Reader:
    reader = _reader(kind)

    def read(value: object, place: str) -> Any:
        members = _expected(dict, value, place)
        return {name: reader(member, f"{place}.{name}") for name, member in members.items()}

    return read


def _moment(value: object, place: str) -> datetime:
    try:
        return datetime.fromisoformat(_expected(str, value, place))
    except ValueError as error:
        raise _wrong(place, "a time", value) from error


def _plain(wanted: type[Any]) -> Reader:
    def read(value: object, place: str) -> Any:
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if wanted is int and isinstance(value, bool):
            raise _wrong(place, "int", value)
        return _expected(wanted, value, place)

    return read


def _expected(kind: type[Any], value: object, place: str) -> Any:
    if not isinstance(value, kind):
        raise _wrong(place, kind.__name__, value)
    return value


def _wrong(place: str, wanted: str, value: object) -> UnexpectedResponse:
    return UnexpectedResponse(f"In the response, {place or 'the whole'} is no {wanted} but {str(value)[:80]!r}.")
