"""Mappings: other JSON becomes documents by field paths, and what is missing is left out or refused, never guessed."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from rag_core.collection import Collection
from rag_core.messages.decoding import decode
from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Form, InlineDocument, Message, MessageRejected, RejectKind, Removal
from rag_core.messages.templates import compiled
from tests.messages.records import MAX_BYTES, example, message

SHIPPED = Path(__file__).parents[2] / "collections" / "examples" / "wikiticker.yaml"


def meant(given: Message, **mapping: Any) -> Any:
    declared = MessageMapping.model_validate(mapping)
    (found,) = decode(given, form=Form.MAPPING, mapping=declared, max_bytes=MAX_BYTES)
    return found


def test_the_shipped_mapping_reads_the_recorded_edits() -> None:
    collection = Collection.model_validate(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))
    assert collection.kafka is not None
    (stream,) = collection.kafka.streams
    assert stream.form is Form.MAPPING
    given = example("mapping-wikiticker")
    assert decode(given, form=stream.form, mapping=stream.mapping, max_bytes=stream.max_message_bytes) == (
        InlineDocument(
            id="#en.wikipedia/Talk:Oswald Tilghman",
            body=b"Talk:Oswald Tilghman\n\nadded project\n\n"
            b"GELongstreet changed this page on #en.wikipedia (Talk): 36 characters added, 0 deleted.",
            media_type="text/plain",
            title="Talk:Oswald Tilghman",
            url=None,
            metadata={
                "channel": "#en.wikipedia",
                "namespace": "Talk",
                "user": "GELongstreet",
                "is_robot": False,
                "added": 36,
                "deleted": 0,
                "edited_at": "2015-09-11T00:46:58.771Z",
            },
        ),
    )


def test_a_path_goes_into_objects_and_lists() -> None:
    found = meant(
        message({"after": {"a.b": [{"name": "Ada"}], "n": 7}}),
        id="{after.n}",
        text='{after["a.b"][0].name} and {{braces}}',
    )
    assert found.id == "7"
    assert found.body == b"Ada and {braces}"


def test_the_first_alternative_that_is_there_is_taken() -> None:
    template = compiled('{after.id|before.id|"none"}')
    assert template.rendered({"after": {"id": 1}, "before": {"id": 2}}) == "1"
    assert template.rendered({"after": None, "before": {"id": 2}}) == "2"
    assert template.rendered({}) == "none"


def test_what_misses_a_field_is_left_out_as_a_whole() -> None:
    found = meant(
        message({"id": "a", "body": "text", "city": None}),
        id="{id}",
        title="{name} of {city}",
        url="https://example.com/{page}",
        text=["{body}", "In {city}."],
        metadata={"city": "{city}", "both": "{id}/{city}", "kind": "note"},
    )
    assert (found.title, found.url, found.body, found.metadata) == (None, None, b"text", {"kind": "note"})


def test_metadata_keeps_its_kind() -> None:
    found = meant(
        message({"n": 1.5, "flag": True, "groups": ["a", "b"], "text": "x"}, key="k"),
        text="{text}",
        metadata={"n": "{n}", "flag": "{flag}", "allowed_groups": "{groups}", "printed": "n={n}"},
    )
    assert found.metadata == {"n": 1.5, "flag": True, "allowed_groups": ["a", "b"], "printed": "n=1.5"}


def test_rights_are_never_left_out() -> None:
    with pytest.raises(MessageRejected) as caught:
        meant(message({"t": "x"}, key="k"), text="{t}", metadata={"allowed_groups": "{groups}"})
    assert caught.value.kind is RejectKind.BAD_METADATA
    found = meant(message({"t": "x"}, key="k"), text="{t}", metadata={"allowed_groups": '{groups|"staff"}'})
    assert found.metadata == {"allowed_groups": "staff"}


@pytest.mark.parametrize("value", [True, 1, "true", "2026-03-01T00:00:00Z", {"by": "me"}])
def test_a_field_that_says_deleted_removes(value: Any) -> None:
    assert meant(message({"gone": value}, key="k"), text="{t}", deleted="{gone}") == Removal(id="k")


@pytest.mark.parametrize("value", [False, 0, None, "", "False", "0", "null"])
def test_a_field_that_says_not_deleted_keeps(value: Any) -> None:
    found = meant(message({"gone": value, "t": "x"}, key="k"), text="{t}", deleted="{gone}")
    assert isinstance(found, InlineDocument)


def test_an_operation_removes_as_change_data_capture_writes_it() -> None:
    mapping = {"id": "{after.id|before.id}", "text": "{after.t}", "op": "{op}"}
    assert meant(message({"op": "d", "before": {"id": 4}, "after": None}), **mapping) == Removal(id="4")
    assert meant(message({"op": "u", "before": {"id": 4}, "after": {"id": 4, "t": "x"}}), **mapping).body == b"x"
    assert meant(message({"op": "REMOVE"}, key="k"), text="{t}", op="{op}", delete_ops=["remove"]) == Removal(id="k")


def test_bytes_come_as_base64() -> None:
    found = meant(message({"file": "JVBERi0="}, key="k"), content_base64="{file}", media_type="application/pdf")
    assert (found.body, found.media_type) == (b"%PDF-", "application/pdf")


@pytest.mark.parametrize(
    ("value", "key", "kind"),
    [
        ({"t": "x"}, None, RejectKind.NO_ID),
        ({"t": "x", "id": "a"}, "b", RejectKind.KEY_DISAGREES),
        ({"t": {"deep": 1}, "id": "a"}, None, RejectKind.BAD_FIELD),
        ({"id": "a"}, None, RejectKind.BAD_FIELD),
        ({"id": "a", "t": "x", "m": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, None, RejectKind.BAD_METADATA),
        ({"id": "a", "t": "x" * (MAX_BYTES // 2)}, None, RejectKind.TOO_LARGE),
        (b'{"id": "a", "t": 1e999}', None, RejectKind.BAD_FIELD),
    ],
)
def test_a_message_that_does_not_fit_is_refused(value: Any, key: str | None, kind: RejectKind) -> None:
    with pytest.raises(MessageRejected) as caught:
        meant(message(value, key=key), id="{id}", text="{t}{t}{t}", metadata={"m": "{m}"})
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"id": "page", "text": "{t}"}, "in braces"),
        ({"text": "{t"}, "other half"),
        ({"text": "{}"}, "names no field"),
        ({"text": "{a..b}"}, "no field's path"),
        ({"text": "{.a}"}, "no field's path"),
        ({"text": "{a[x]}"}, "no field's path"),
        ({}, "either text or content_base64"),
        ({"text": "{t}", "content_base64": "{c}"}, "either text or content_base64"),
        ({"text": "{t}", "deleted": "yes"}, "one field in braces"),
        ({"text": "{t}", "titel": "{t}"}, "titel"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_when_it_is_read(mapping: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MessageMapping.model_validate(mapping)
    assert said in str(caught.value)


def test_a_used_mapping_equals_an_unused_one_and_travels() -> None:
    declared = {"id": "{id}", "text": ["{t}"], "metadata": {"a": "{b}"}}
    used = MessageMapping.model_validate(declared)
    decode(message({"id": "a", "t": "x"}), form=Form.MAPPING, mapping=used, max_bytes=MAX_BYTES)
    assert used == MessageMapping.model_validate(declared)
    assert pickle.loads(pickle.dumps(used)) == used  # noqa: S301 - our own bytes
    assert MessageMapping.model_validate(json.loads(used.model_dump_json())) == used
