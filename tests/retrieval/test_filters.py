import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.errors import InvalidRequest
from rag_core.filters import MAX_VALUES, AnyOf, Exists, FieldType, Within, parse_filters

FIELDS: dict[str, FieldType] = {
    "team": "keyword",
    "year": "integer",
    "price": "float",
    "ok": "bool",
    "at": "datetime",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OPERATORS = st.dictionaries(st.sampled_from(["gt", "gte", "lt", "lte", "any", "not", "exists", "near"]), JSON)


@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), JSON | OPERATORS))
def test_any_json_is_conditions_or_a_refusal_that_says_why(written: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(parse_filters(written, FIELDS), tuple)


def test_values_lists_ranges_and_existence_are_read() -> None:
    written = {"team": ["a", "b"], "year": {"gte": 2024, "lt": 2026}, "ok": True, "at": {"exists": False}}
    assert parse_filters(written, FIELDS) == (
        AnyOf(field="team", type="keyword", values=("a", "b")),
        Within(field="year", gte=2024.0, lt=2026.0),
        AnyOf(field="ok", type="bool", values=(True,)),
        Exists(field="at", wanted=False),
    )


def test_a_date_without_a_zone_is_utc() -> None:
    (within,) = parse_filters({"at": {"gte": "2026-01-31"}}, FIELDS)
    assert within == Within(field="at", gte=datetime(2026, 1, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"nothing": 1}, "it has: at, ok, price, team, year"),
        ({"year": "2024"}, "whole number"),
        ({"year": True}, "whole number"),
        ({"team": {"gte": "a"}}, "takes no range"),
        ({"team": {"like": "a"}}, "unknown operator 'like'"),
        ({"team": {}}, "no operator"),
        ({"team": []}, "1 to 256 values"),
        ({"team": ["x"] * (MAX_VALUES + 1)}, "1 to 256 values"),
        ({"team": "\ud800"}, "a string"),
        ({"price": float("nan")}, "a number"),
        ({"at": "yesterday"}, "a date or time"),
        ({"ok": {"exists": 1}}, "true or false"),
    ],
)
def test_a_wrong_filter_names_its_field_and_what_it_takes(written: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        parse_filters(written, FIELDS)
