"""Keys in notifications: encoded by some stores, raw by others, and the same object either way."""

from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.arrivals import Presence
from rag_core.messages.decoding import decode
from rag_core.messages.message import Form, MessageRejected
from rag_core.objects import is_addressable
from tests.messages.records import MAX_BYTES, message

keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40).filter(
    is_addressable
)


def uris(key: str, sender: str | None, event: str = "ObjectCreated:Put") -> list[str]:
    return [found.uri for found in hints(key, sender, event)]


def hints(key: str, sender: str | None, event: str) -> tuple[Any, ...]:
    record = {"eventSource": sender, "eventName": event, "s3": {"bucket": {"name": "bucket"}, "object": {"key": key}}}
    return decode(message({"Records": [record]}), form=Form.S3, max_bytes=MAX_BYTES)


@given(keys)
def test_whoever_encodes_and_however_the_object_is_the_same(key: str) -> None:
    wanted = f"s3://bucket/{quote(key)}"
    assert uris(quote_plus(key), "minio:s3") == [wanted]
    assert uris(quote_plus(key, safe="/"), "aws:s3") == [wanted]
    assert uris(key, "ceph:s3") == [wanted]


@given(keys, st.booleans())
def test_a_store_that_nobody_knows_is_understood_either_way(key: str, encodes: bool) -> None:
    sent = quote_plus(key, safe="/") if encodes else key
    assert f"s3://bucket/{quote(key)}" in uris(sent, "somebody:s3")
    assert len(uris(sent, None)) <= 2


def test_a_key_that_can_be_read_in_one_way_is_one_hint() -> None:
    assert uris("a/b.txt", "somebody:s3") == ["s3://bucket/a/b.txt"]
    assert uris("a b.txt", "somebody:s3") == ["s3://bucket/a%20b.txt"]
    assert uris("a+b.txt", "somebody:s3") == ["s3://bucket/a%20b.txt", "s3://bucket/a%2Bb.txt"]


@pytest.mark.parametrize(
    ("event", "presence"),
    [
        ("ObjectCreated:CompleteMultipartUpload", Presence.PRESENT),
        ("s3:ObjectCreated:Copy", Presence.PRESENT),
        ("ObjectTagging:Put", Presence.PRESENT),
        ("ObjectSynced:Create", Presence.PRESENT),
        ("s3:ObjectRemoved:Delete", Presence.GONE),
        ("ObjectRemoved:DeleteMarkerCreated", Presence.GONE),
        ("LifecycleExpiration:Delete", Presence.GONE),
        ("s3:ObjectLifecycle:Expiration:Current", Presence.GONE),
    ],
)
def test_an_event_says_whether_the_object_is_there(event: str, presence: Presence) -> None:
    assert [found.presence for found in hints("a", "aws:s3", event)] == [presence]


def test_reading_an_object_makes_nobody_look_at_it() -> None:
    assert uris("a", "minio:s3", "s3:ObjectAccessed:Get") == []


def test_a_folder_marker_is_no_document() -> None:
    assert uris("folder/", "aws:s3") == []


@pytest.mark.parametrize("key", ["../a", "a//b", "a/./b", "\ud800", "x" * 1025])
def test_a_key_that_no_source_can_hold_is_refused(key: str) -> None:
    with pytest.raises(MessageRejected):
        uris(key, "ceph:s3")
