"""Whatever comes: each message is decoded to values that can be stored, or is rejected with a reason. Never else."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag_core.messages.decoding import decode
from rag_core.messages.keys import document_key
from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Form, InlineDocument, Message, MessageRejected, ObjectHint, RejectKind, Removal
from rag_core.messages.metadata import details_text
from rag_core.messages.reading import is_storable
from rag_core.metadata import read_sidecar
from rag_core.objects import is_addressable
from tests.messages.records import EXAMPLES, example

MAX_BYTES = 64 * 1024
MAPPING = MessageMapping.model_validate(
    {
        "id": "{id|key.id}",
        "title": "{title}",
        "text": ["{text}", "{items[0].name}", "{a}-{b}"],
        "url": "{url}",
        "metadata": {"one": "{metadata}", "two": "{a}", "allowed_groups": '{groups|"staff"}'},
        "deleted": "{deleted}",
        "op": "{op}",
    }
)
# fmt: off
WORDS = [
    "id", "text", "title", "url", "uri", "op", "delete", "upsert", "metadata", "media_type", "content_base64",
    "version",
    "Records", "s3", "bucket", "object", "key", "name", "eventName", "ObjectCreated:Put", "size", "eTag", "source",
    "specversion", "1.0", "type", "data", "data_base64", "datacontenttype", "meta", "/mediawiki/recentchange/1.0.0",
    "$schema", "wiki", "edit", "log", "log_type", "log_action", "length", "old", "new", "allowed_groups", "a", "b",
    "items", "groups", "s3://bucket/key", "file:///a", "AAAA", "deleted", "comment", "user", "revision", "é", "..",
]
# fmt: on

texts = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=8), st.text(st.characters(categories=["Cs", "Cc"]), max_size=3)
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.sampled_from([2**63, -(2**70), 10**400, 1e308])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=6),
    max_leaves=25,
)
keys = st.one_of(st.none(), st.binary(max_size=12), texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
headers = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "other"]),
        st.one_of(st.none(), st.binary(max_size=4), st.sampled_from([b"1.0", b"application/cloudevents+json", b"x"])),
    ),
    max_size=5,
).map(tuple)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes | None, bytes | None, tuple[Any, ...]]:
    """Return an example of which some part is something else, or its bytes with some of them changed."""
    shipped = example(draw(st.sampled_from(EXAMPLES)))
    if shipped.value is None or draw(st.booleans()):
        return shipped.key, _damaged(draw, shipped.value or b"{}"), shipped.headers
    try:
        value: Any = json.loads(shipped.value)
    except ValueError:
        return shipped.key, _damaged(draw, shipped.value), shipped.headers
    changed = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, changed)
    return draw(st.sampled_from([shipped.key, None])), json.dumps(changed).encode(), shipped.headers


def _change(draw: st.DrawFn, at: Any) -> None:
    """Replace, remove or add somewhere in a value."""
    while isinstance(at, dict | list) and at:
        place = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if isinstance(at[place], dict | list) and at[place] and draw(st.integers(0, 3)):
            at = at[place]
            continue
        how = draw(st.integers(0, 3))
        if how == 0:
            del at[place]
        elif how == 1 and isinstance(at, dict):
            at[draw(texts)] = draw(values)
        else:
            at[place] = draw(values)
        return


def _damaged(draw: st.DrawFn, value: bytes) -> bytes:
    at = draw(st.integers(0, len(value)))
    return value[:at] + draw(st.binary(max_size=6)) + value[at + draw(st.integers(0, 6)) :]


def account(key: bytes | None, value: bytes | None, given_headers: tuple[Any, ...], form: Form) -> None:
    """Decode a message and check everything that its recorder relies on."""
    message = Message(
        topic="edits", partition=0, offset=0, timestamp_ms=-1, key=key, value=value, headers=given_headers
    )
    try:
        found = decode(message, form=form, mapping=MAPPING if form is Form.MAPPING else None, max_bytes=MAX_BYTES)
    except MessageRejected as error:
        _check_reason(error)
        return
    assert isinstance(found, tuple)
    for part in found:
        _check(part)


def _check_reason(error: MessageRejected) -> None:
    assert isinstance(error.kind, RejectKind)
    assert is_storable(str(error))
    assert len(str(error)) < 5_000


def _check(part: Any) -> None:
    match part:
        case InlineDocument():
            assert is_addressable(document_key("edits", part.id))
            assert isinstance(part.body, bytes)
            assert len(part.body) <= MAX_BYTES
            _storable(part.id, part.title, part.url, part.media_type)
            details = details_text(part.metadata, title=part.title, url=part.url)
            assert "\0" not in details
            details.encode()
            read_sidecar(details)
            json.loads(details, parse_constant=pytest.fail)
        case Removal():
            assert is_addressable(document_key("edits", part.id))
        case ObjectHint():
            assert part.uri.startswith(("s3://", "file:///"))
            assert part.uri.isascii()
            _storable(part.uri, part.version, part.media_type)
            assert part.size_bytes is None or 0 <= part.size_bytes < 2**63
        case _:
            pytest.fail(f"{part!r} is nothing that was promised")


def _storable(*said: str | None) -> None:
    for text in said:
        if text is not None:
            assert is_storable(text)
            text.encode()


forms = st.sampled_from(list(Form))
thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(mutated(), forms)
def test_a_damaged_example_is_accounted_for(damaged: tuple[Any, Any, tuple[Any, ...]], form: Form) -> None:
    account(*damaged, form)


@thorough
@given(keys, st.dictionaries(texts, values, max_size=8), headers, forms)
def test_json_of_any_shape_is_accounted_for(
    key: bytes | None, value: dict[str, Any], given_headers: tuple[Any, ...], form: Form
) -> None:
    account(key, json.dumps(value).encode(), given_headers, form)


@settings(max_examples=200, deadline=None)
@given(keys, st.one_of(st.none(), st.binary(max_size=200), values.map(lambda value: json.dumps(value).encode())), forms)
def test_any_bytes_are_accounted_for(key: bytes | None, value: bytes | None, form: Form) -> None:
    account(key, value, (), form)
    account(b"/buckets/" + (key or b"b/k"), value, (), form)


def test_five_thousand_damaged_examples_are_accounted_for() -> None:
    chance = random.Random(5)
    shipped = [example(name) for name in EXAMPLES]
    odd = [None, True, -1, 2**70, 1e308, "", "\ud800", "a\0b", "x" * 70_000, [], {}, [[[[[[]]]]]], {"a": {"b": 1}}]
    for _ in range(5_000):
        given = chance.choice(shipped)
        damaged = bytearray(given.value or b"{}")
        if chance.random() < 0.5:
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        else:
            damaged = bytearray(_with_odd_parts(bytes(damaged), chance, odd))
        key = chance.choice([given.key, None, b"", chance.randbytes(5)])
        account(key, bytes(damaged), given.headers, chance.choice(list(Form)))


def _with_odd_parts(value: bytes, chance: random.Random, odd: list[Any]) -> bytes:
    """Return a JSON value of which one to three parts are something odd."""
    try:
        changed: Any = json.loads(value)
    except ValueError:
        return value[: chance.randrange(len(value))]
    for _ in range(chance.randint(1, 3)):
        at = changed
        while isinstance(at, dict | list) and at:
            place = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if isinstance(at[place], dict | list) and at[place] and chance.random() < 0.7:
                at = at[place]
                continue
            at[place] = copy.deepcopy(chance.choice(odd))
            break
    return json.dumps(changed).encode()


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    "value",
    [
        b'{"text":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"id":"a","text":"b","metadata":' + b'{"a":' * 800 + b"1" + b"}" * 801,
        b'{"id":' + b"9" * 5_000 + b',"text":"b"}',
        b'{"id":' + b"9" * 4_000 + b',"text":"b"}',
        b'{"id":"a","text":"b","metadata":{"n":1e999}}',
        b'{"id":"a","text":1e999,"a":-1e999,"b":1}',
        b'{"id":"a","text":"b","metadata":' + json.dumps({"\x1f" * 200: "\x1f" * 4000, "b": ["é" * 4000] * 9}).encode(),
        b'{"id":"a","title":"' + b"t" * 60_000 + b'","text":""}',
        b"\xef\xbb\xbf{}",
        b"\0\0\0\0\0{",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x0a\x00" * 20_000,
    ],
)
def test_hostile_messages_are_accounted_for(form: Form, value: bytes) -> None:
    account(None, value, (), form)
    account(b"/buckets/b/k", value, (), form)
