"""Filters on metadata, as a caller writes them in JSON, checked against the fields an index declares.

    {"team": "platform", "tag": ["a", "b"], "year": {"gte": 2024}, "reviewed": {"exists": true}}

All fields must hold (and). A value means equal, a list any of them, an object a range (``gt gte lt lte``),
``any`` of a list, ``not`` any of a list, or ``exists``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, cast

from rag_core.errors import InvalidRequest
from rag_core.identity import Json

MAX_FIELDS = 16
MAX_VALUES = 256
MAX_VALUE_CHARACTERS = 512
_MAX_INTEGER = 2**63 - 1

FieldType: TypeAlias = Literal["keyword", "integer", "float", "bool", "datetime"]
Scalar: TypeAlias = str | int | float | bool
_BOUNDS = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """The field holds one of the values (or none of them, if ``negated``)."""

    field: str
    type: FieldType
    values: tuple[Scalar, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The field lies within the bounds that are not ``None``; numbers, or datetimes in UTC."""

    field: str
    gt: float | datetime | None = None
    gte: float | datetime | None = None
    lt: float | datetime | None = None
    lte: float | datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """The field is there with a value (or is not, if ``wanted`` is false)."""

    field: str
    wanted: bool


Condition: TypeAlias = AnyOf | Within | Exists


def parse_filters(written: Mapping[str, Json], fields: Mapping[str, FieldType]) -> tuple[Condition, ...]:
    """Return the conditions of a JSON filter; raises ``InvalidRequest`` that names the field and what it takes."""
    if len(written) > MAX_FIELDS:
        raise InvalidRequest(f"A filter names at most {MAX_FIELDS} fields, this one {len(written)}.")
    conditions: list[Condition] = []
    for field, value in written.items():
        type_ = fields.get(field)
        if type_ is None:
            known = ", ".join(sorted(fields)) or "none"
            raise InvalidRequest(
                f"The collection has no filter field {_shown(field)}; it has: {known}.",
                remedy="Declare the field under index.fields in the collection's file.",
            )
        conditions.extend(_conditions(field, type_, value))
    return tuple(conditions)


def _conditions(field: str, type_: FieldType, value: Json) -> list[Condition]:
    if isinstance(value, Mapping):
        return _operators(field, type_, value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [AnyOf(field=field, type=type_, values=_values(field, type_, value))]
    return [AnyOf(field=field, type=type_, values=(_scalar(field, type_, value),))]


def _operators(field: str, type_: FieldType, written: Mapping[str, Json]) -> list[Condition]:
    """Return what an object of operators means; each operator is known or refused by name."""
    unknown = set(written) - {*_BOUNDS, "any", "not", "exists"}
    if unknown or not written:
        raise InvalidRequest(
            f"Field {_shown(field)}: {'unknown operator ' + _shown(min(unknown)) if unknown else 'no operator'}; "
            "there are gt, gte, lt, lte, any, not, exists."
        )
    conditions: list[Condition] = []
    bounds = {name: _bound(field, type_, written[name]) for name in _BOUNDS if name in written}
    if bounds:
        conditions.append(Within(field=field, **bounds))
    for name, negated in (("any", False), ("not", True)):
        if name in written:
            listed = written[name]
            many = listed if isinstance(listed, Sequence) and not isinstance(listed, str) else [listed]
            conditions.append(AnyOf(field=field, type=type_, values=_values(field, type_, many), negated=negated))
    if "exists" in written:
        wanted = written["exists"]
        if not isinstance(wanted, bool):
            raise InvalidRequest(f"Field {_shown(field)}: exists takes true or false.")
        conditions.append(Exists(field=field, wanted=wanted))
    return conditions


def _values(field: str, type_: FieldType, written: Sequence[Json]) -> tuple[Scalar, ...]:
    if not 1 <= len(written) <= MAX_VALUES:
        raise InvalidRequest(f"Field {_shown(field)}: a list takes 1 to {MAX_VALUES} values, this one {len(written)}.")
    return tuple(_scalar(field, type_, value) for value in written)


def _scalar(field: str, type_: FieldType, value: Json) -> Scalar:
    if type_ == "keyword" and isinstance(value, str) and len(value) <= MAX_VALUE_CHARACTERS and _is_text(value):
        return value
    if type_ == "bool" and isinstance(value, bool):
        return value
    if type_ == "integer" and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INTEGER:
        return value
    if type_ == "float" and _is_number(value):
        return float(cast("float", value))
    if type_ == "datetime" and isinstance(value, str):
        return _datetime(field, value).isoformat()
    raise _wrong(field, type_)


def _bound(field: str, type_: FieldType, value: Json) -> float | datetime:
    if type_ in {"integer", "float"} and _is_number(value):
        return float(cast("float", value))
    if type_ == "datetime" and isinstance(value, str):
        return _datetime(field, value)
    if type_ in {"keyword", "bool"}:
        raise InvalidRequest(f"Field {_shown(field)} is of type {type_} and takes no range.")
    raise _wrong(field, type_)


def _is_number(value: Json) -> bool:
    """Say whether a JSON value is a number that a double holds (NaN and infinity are none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def _is_text(value: str) -> bool:
    """Say whether a string can travel as UTF-8 (JSON may spell lone surrogates, which cannot)."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _datetime(field: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(field, "datetime") from None


def _wrong(field: str, type_: FieldType) -> InvalidRequest:
    takes = {
        "keyword": f"a string of at most {MAX_VALUE_CHARACTERS} characters",
        "integer": "a whole number of 64 bits",
        "float": "a number",
        "bool": "true or false",
        "datetime": "a date or time such as 2026-01-31 or 2026-01-31T10:00:00Z",
    }
    return InvalidRequest(f"Field {_shown(field)} takes {takes[type_]}.")


def _shown(name: str) -> str:
    return repr(name[:64])
