"""The client is held against the API's own description: what that gains or loses, the client must, too."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Union

import pytest

from query_api.app import create_app
from rag_client import AsyncRagClient, RagClient
from rag_client.async_client import AsyncGives, AsyncReturns
from rag_client.calls import Call
from rag_client.client import Gives, Returns
from rag_client.connecting import Connecting
from rag_client.errors import Problem
from rag_client.requests.words import LaterWishes, Wishes
from rag_client.steps import Exchange
from resources.clients.settings import Settings

LEFT_OUT = {
    ("POST", "/upload"): "the same as POST /v1/documents",
    ("POST", "/v1/chat/completions"): "for OpenAI's client; ask has all of it",
    ("GET", "/metrics"): "for Prometheus",
    ("GET", "/readyz/own"): "for probes of a cluster; ready has the whole truth",
}
FORM_FIELDS = {"collection": "sent in the query", "file": "the files"}
VALUES: dict[str, Any] = {
    "files": ("a.md", b"x"),
    "progress": None,
    "collections": ["x"],
    "texts": ["x"],
    "groups": ["x"],
    "history": [{"role": "user", "content": "x"}],
    "filters": {"x": "y"},
    "timeout_s": 1.0,
}
"""What parameters are filled with that take no word."""


@cache
def document() -> dict[str, Any]:
    return create_app(Settings(home=Path("unused"), auth="off")).openapi()


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def methods_of(client: type[Any]) -> dict[str, Any]:
    kinds = (Returns, Gives, AsyncReturns, AsyncGives)
    return {name: each.flow for name, each in vars(client).items() if isinstance(each, kinds)}


@cache
def calls() -> dict[str, Call[Any]]:
    """What each method sends first when every parameter is given."""
    return {name: _first_call(flow(**_everything(flow))) for name, flow in methods_of(RagClient).items()}


def _everything(flow: Any) -> dict[str, Any]:
    names: list[str] = []
    for parameter in inspect.signature(flow).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            wishes = LaterWishes if "Later" in str(parameter.annotation) else Wishes
            names += wishes.__annotations__
        else:
            names.append(parameter.name)
    return {name: VALUES.get(name, "x") for name in names}


def _first_call(flow: Any) -> Call[Any]:
    step = next(flow.steps(Connecting()))
    assert isinstance(step, Exchange)
    return step.call


def test_both_clients_have_the_same_methods_over_the_same_flows() -> None:
    assert methods_of(RagClient) == methods_of(AsyncRagClient)
    assert [type(vars(AsyncRagClient)[name]).__name__ for name in calls()] == [
        f"Async{type(vars(RagClient)[name]).__name__}" for name in calls()
    ]


def test_every_operation_has_a_method_or_a_reason_why_not() -> None:
    reached = {(call.method, call.path) for call in calls().values()}
    assert reached | LEFT_OUT.keys() == operations().keys()
    assert not reached & LEFT_OUT.keys()


@pytest.mark.parametrize("operation", sorted(operations().keys() - LEFT_OUT.keys()), ids="{0[0]} {0[1]}".format)
def test_every_field_of_a_request_is_offered_and_no_other_is_sent(operation: tuple[str, str]) -> None:
    mine = [call for call in calls().values() if (call.method, call.path) == operation]
    described = operations()[operation]
    sent = {"path": set[str](), "query": set[str](), "header": set[str](), "body": set[str]()}
    for call in mine:
        sent["path"] |= call.at.keys()
        sent["query"] |= call.query.keys()
        sent["header"] |= {name.lower() for name in call.headers}
        sent["body"] |= set(call.body or ())
    for place in ("path", "query", "header"):
        assert sent[place] == {each["name"] for each in described.get("parameters", []) if each["in"] == place}
    content = described.get("requestBody", {}).get("content", {})
    wanted = (
        _resolved(content["application/json"]["schema"])["properties"].keys() if "application/json" in content else ()
    )
    assert sent["body"] == set(wanted)
    if "multipart/form-data" in content:
        assert content["multipart/form-data"]["schema"]["properties"].keys() == FORM_FIELDS.keys()
        assert all(call.form is not None for call in mine)


@pytest.mark.parametrize("name", sorted(calls()))
def test_every_field_of_a_response_is_known_with_its_type(name: str) -> None:
    call = calls()[name]
    responses = operations()[call.method, call.path]["responses"]
    status = "202" if name == "ask_later" else min(code for code in responses if code.startswith("2"))
    content = responses[status].get("content", {})
    if call.shape is type(None):
        assert not content
    elif "application/json" in content:
        assert list(_differences(call.shape, content["application/json"]["schema"], call.shape.__name__)) == []
    else:
        assert call.is_streamed
        assert "text/event-stream" in content


def test_every_field_of_a_problem_is_known() -> None:
    known = inspect.signature(Problem).parameters.keys()
    assert set(document()["components"]["schemas"]["Problem"]["properties"]) - {"type"} <= known


def test_the_comparison_sees_what_differs() -> None:
    @dataclasses.dataclass
    class Shape:
        a: int
        c: str | None

    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}},
    }
    assert len(list(_differences(Shape, schema, "x"))) == 4


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]


def _differences(wanted: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """Say where what the client reads and what the API describes are not the same."""
    schema = _resolved(schema)
    if dataclasses.is_dataclass(wanted):
        yield from _of_object(wanted, schema, place)
        return
    kinds = [_resolved(each) for each in schema.get("anyOf", [schema])]
    nullable = any(each.get("type") == "null" for each in kinds)
    kinds = [each for each in kinds if each.get("type") != "null"]
    options = typing.get_args(wanted) if typing.get_origin(wanted) in {Union, types.UnionType} else (wanted,)
    if nullable != (types.NoneType in options):
        yield f"{place}: null"
    options = tuple(option for option in options if option is not types.NoneType)
    if len(options) != len(kinds):
        yield f"{place}: {options} for {kinds}"
        return
    for option in options:
        found = [list(_of_kind(option, kind, place)) for kind in kinds]
        if [] not in found:
            yield from found[0]


def _of_kind(option: Any, kind: Mapping[str, Any], place: str) -> Iterator[str]:
    origin = typing.get_origin(option)
    if dataclasses.is_dataclass(option):
        yield from _of_object(option, kind, place)
    elif origin is tuple:
        if kind.get("type") != "array":
            yield f"{place}: no array"
        else:
            yield from _differences(typing.get_args(option)[0], kind["items"], f"{place}[]")
    elif origin is not None and issubclass(origin, Mapping):
        if kind.get("type") != "object" or "properties" in kind:
            yield f"{place}: no free object"
    else:
        names = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "string"}
        if kind.get("type", type(kind.get("const"))) not in {names[option], option}:
            yield f"{place}: {option} for {kind}"
        if (option is datetime) != (kind.get("format") == "date-time"):
            yield f"{place}: a time or not"


def _of_object(wanted: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    described: Mapping[str, Any] = schema.get("properties", {})
    hints = typing.get_type_hints(wanted)
    for name in described.keys() - hints.keys():
        yield f"{place}.{name}: unknown here"
    for field in dataclasses.fields(wanted):
        if field.name not in described:
            yield f"{place}.{field.name}: not described"
            continue
        needed = field.default is dataclasses.MISSING
        if needed and field.name not in schema.get("required", ()) and "const" not in described[field.name]:
            yield f"{place}.{field.name}: may be missing"
        yield from _differences(hints[field.name], described[field.name], f"{place}.{field.name}")
