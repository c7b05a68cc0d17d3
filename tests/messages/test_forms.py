"""Every documented form: its example means what the documentation says, and fits the schema beside it."""

import json
from typing import Any

import pytest

from rag_core.arrivals import Presence
from rag_core.messages.decoding import decode
from rag_core.messages.message import Form, InlineDocument, Message, MessageRejected, ObjectHint, RejectKind, Removal
from tests.messages.records import EXAMPLES, MAX_BYTES, example, message, schema

jsonschema = pytest.importorskip("jsonschema")
referencing = pytest.importorskip("referencing")


def meant(given: Message, form: Form = Form.AUTO) -> tuple[Any, ...]:
    return decode(given, form=form, max_bytes=MAX_BYTES)


def hint(uri: str, presence: Presence = Presence.PRESENT, **more: Any) -> ObjectHint:
    said = {"version": None, "size_bytes": None, "media_type": None, "metadata": {}} | more
    return ObjectHint(uri=uri, presence=presence, **said)


def reference(uri: str, presence: Presence = Presence.PRESENT, **more: Any) -> ObjectHint:
    """Return a hint that says all that is to be known of its object from messages; a store's notification does not."""
    return hint(uri, presence, describes=True, **more)


GUIDE = InlineDocument(
    id="guides/onboarding.md",
    body=b"Your laptop is ready on the first day.",
    media_type="text/plain",
    title="Onboarding",
    url=None,
    metadata={"section": "people"},
)
TRAVEL = reference("s3://handbook/policies/travel%20costs.pdf")
ODD_KEY = "in/a%20b%2B%C3%A9.txt"
FLOWER = "s3://amzn-s3-demo-bucket/photos/red%20flower.jpg"

MEANINGS: dict[str, tuple[Any, ...]] = {
    "cloudevent-binary-document": (GUIDE,),
    "cloudevent-binary-reference": (TRAVEL,),
    "cloudevent-structured-document": (GUIDE,),
    "cloudevent-structured-reference": (TRAVEL,),
    "document-base64": (
        InlineDocument(
            id="4711",
            body="<!doctype html><title>A note</title><p>Water boils at 100 °C.</p>\n".encode(),
            media_type="text/html",
            title="A note",
            url=None,
            metadata={},
        ),
    ),
    "document-delete": (Removal(id="guides/onboarding.md"),),
    "document-text": (
        InlineDocument(
            id="guides/onboarding.md",
            body=b"# Onboarding\n\nYour laptop is ready on the first day. Ask the help desk for the door code.\n",
            media_type="text/markdown",
            title="Onboarding",
            url="https://intranet.example.com/guides/onboarding",
            metadata={
                "section": "people",
                "reviewed": "2026-03-01",
                "allowed_groups": ["staff", "contractors"],
            },
        ),
    ),
    "recentchange-delete": (
        Removal(id="enwiki/Category talk:Replaceable non-free use to be decided after 25 April 2024"),
    ),
    "reference": (
        reference(
            "s3://handbook/policies/travel%20costs.pdf",
            version="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
            media_type="application/pdf",
            metadata={"owner": "finance"},
        ),
    ),
    "reference-delete": (reference("s3://handbook/policies/travel%20costs.pdf", Presence.GONE),),
    "s3-aws-created": (hint(FLOWER, version="096fKKXTRTtl3on89fVO.nfljtsv6qko", size_bytes=1024),),
    "s3-aws-removed": (hint(FLOWER, Presence.GONE, version="096fKKXTRTtl3on89fVO.nfljtsv6qko"),),
    "s3-aws-test": (),
    "s3-ceph-created": (
        hint(f"s3://mybucket1/{ODD_KEY}", version="37b51d194a7513e45b56f6524f2d51f2", size_bytes=1024),
    ),
    "s3-ceph-removed": (
        hint(f"s3://mybucket1/{ODD_KEY}", Presence.GONE, version="37b51d194a7513e45b56f6524f2d51f2", size_bytes=0),
    ),
    "s3-minio-created": (
        hint(
            f"s3://test-bucket/{ODD_KEY}",
            version="d8e8fca2dc0f896fd7cb4cb0031ba249",
            size_bytes=5,
            media_type="text/plain",
        ),
    ),
    "s3-minio-removed": (hint(f"s3://test-bucket/{ODD_KEY}", Presence.GONE),),
    "tombstone": (Removal(id="guides/onboarding.md"),),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_an_example_means_what_is_documented(name: str) -> None:
    assert meant(example(name)) == MEANINGS[name]


def test_every_example_has_a_test() -> None:
    tested_elsewhere = {"recentchange-edit", "mapping-wikiticker", "s3-seaweedfs-created", "s3-seaweedfs-removed"}
    assert set(EXAMPLES) - tested_elsewhere == set(MEANINGS)


SCHEMAS = {
    "document": "document",
    "reference": "reference",
    "s3": "s3-event",
    "cloudevent-structured": "cloudevent",
    "recentchange": "recentchange",
}


# SeaweedFS sends protobuf, which has none.
WITH_SCHEMA = [name for name in EXAMPLES if name.startswith(tuple(SCHEMAS)) and not name.startswith("s3-seaweedfs")]


@pytest.mark.parametrize("name", WITH_SCHEMA)
def test_an_example_fits_its_schema(name: str) -> None:
    form = next(form for prefix, form in SCHEMAS.items() if name.startswith(prefix))
    value = example(name).value
    assert value is not None
    validator(form).validate(json.loads(value))


def validator(form: str) -> Any:
    resources = [
        (f"{name}.json", referencing.Resource.from_contents(schema(name))) for name in ("document", "reference")
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft202012Validator(schema(form), registry=registry)


@pytest.mark.parametrize("form", SCHEMAS.values())
def test_a_schema_is_one(form: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(form))


@pytest.mark.parametrize(
    "value",
    [
        {"id": "a"},
        {"id": "a", "text": "b", "content_base64": ""},
        {"id": "a", "text": 3},
        {"id": "a", "text": "b", "metdata": {}},
        {"id": ["a"], "text": "b"},
        {"id": "a", "text": "b", "op": "replace"},
        {"id": "a", "text": "b", "metadata": []},
    ],
)
def test_schema_and_decoder_refuse_the_same_documents(value: dict[str, Any]) -> None:
    assert not validator("document").is_valid(value)
    with pytest.raises(MessageRejected):
        meant(message(value), Form.DOCUMENT)


def test_an_edit_is_a_document_of_its_page() -> None:
    (page,) = meant(example("recentchange-edit"))
    assert page.id == "wikidatawiki/Q45553520"
    assert page.title == "Q45553520"
    assert page.url == "https://www.wikidata.org/wiki/Q45553520"
    assert page.body.decode().endswith("Tagishsimon edited Q45553520 on www.wikidata.org: 91 bytes longer.\n")
    assert "Qing dynasty person" in page.body.decode()
    assert page.metadata["revision"] == 874176646
    assert page.metadata["edited_at"] == "2019-03-04T13:30:32+00:00"


def test_edits_and_deletion_of_one_page_have_one_id() -> None:
    edit = json.loads(example("recentchange-edit").value or b"")
    log = edit | {"type": "log", "log_type": "delete", "log_action": "delete"}
    assert [part.id for part in meant(message(log))] == [part.id for part in meant(message(edit))]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "categorize"},
        {"type": "external"},
        {"type": "log", "log_type": "patrol"},
        {"type": "log", "log_type": "delete", "log_action": "restore"},
        {"meta": {"domain": "canary", "schema_uri": "mediawiki/recentchange/2"}},
    ],
)
def test_changes_of_no_page_mean_nothing(change: dict[str, Any]) -> None:
    edit = json.loads(example("recentchange-edit").value or b"")
    assert meant(message(edit | change)) == ()


def test_a_moved_page_leaves_its_old_title() -> None:
    edit = json.loads(example("recentchange-edit").value or b"")
    assert meant(message(edit | {"type": "log", "log_type": "move", "log_action": "move"})) == (
        Removal(id="wikidatawiki/Q45553520"),
    )


def test_a_null_value_on_a_stream_of_references_names_its_object_by_key() -> None:
    gone = meant(message(None, key="s3://handbook/a b.pdf"), Form.REFERENCE)
    assert gone == (reference("s3://handbook/a%20b.pdf", Presence.GONE),)


def test_a_form_declared_takes_no_other() -> None:
    for form in (Form.DOCUMENT, Form.REFERENCE, Form.RECENTCHANGE):
        with pytest.raises(MessageRejected):
            meant(example("s3-aws-created"), form)
    with pytest.raises(MessageRejected):
        meant(example("document-text"), Form.S3)


def test_a_schema_registrys_framing_is_left_out() -> None:
    framed = b"\0\0\0\0\x07" + (example("document-text").value or b"")
    assert meant(message(framed, key="guides/onboarding.md")) == MEANINGS["document-text"]


@pytest.mark.parametrize(
    ("value", "key", "kind"),
    [
        (b"\xff", None, RejectKind.NOT_JSON),
        (b"", None, RejectKind.NOT_JSON),
        (b'{"id": "a", "text": "b", "metadata": {"n": NaN}}', None, RejectKind.NOT_JSON),
        (b"[" * 100_000, None, RejectKind.NOT_JSON),
        ([1], None, RejectKind.NO_FORM),
        ({"name": "x"}, None, RejectKind.NO_FORM),
        ({"specversion": "0.3", "data": {}}, None, RejectKind.NO_FORM),
        ({"id": "a", "text": "b", "metdata": {}}, None, RejectKind.BAD_FIELD),
        ({"id": "a", "text": "\ud800"}, None, RejectKind.BAD_FIELD),
        ({"id": "a", "title": "a\0b", "text": ""}, None, RejectKind.BAD_FIELD),
        ({"id": "a", "content_base64": "@@"}, None, RejectKind.BAD_FIELD),
        ({"id": "a", "text": "b", "metadata": {"n": 2**64}}, None, RejectKind.BAD_METADATA),
        ({"id": "a", "text": "b", "metadata": {"allowed_groups": 3}}, None, RejectKind.BAD_METADATA),
        ({"id": "a", "text": "b", "metadata": {str(n): "x" * 4000 for n in range(20)}}, None, RejectKind.BAD_METADATA),
        ({"id": "a", "text": "b", "metadata": {str(n): n for n in range(63)}}, None, RejectKind.BAD_METADATA),
        ({"uri": "https://example.com/a"}, None, RejectKind.BAD_URI),
        ({"uri": "s3://bucket/../a"}, None, RejectKind.BAD_URI),
        ({"uri": "file:///a/%2e%2e/b"}, None, RejectKind.BAD_URI),
        ({"text": "b"}, None, RejectKind.NO_ID),
        (None, None, RejectKind.NO_ID),
        ({"id": "a", "text": "b"}, "c", RejectKind.KEY_DISAGREES),
        ({"id": "a" * 1025, "text": "b"}, None, RejectKind.KEY_TOO_LONG),
        ({"id": "a", "text": "b" * MAX_BYTES}, None, RejectKind.TOO_LARGE),
        ({"Records": [{}] * 1001}, None, RejectKind.TOO_LARGE),
    ],
)
def test_what_fits_no_form_says_why(value: Any, key: str | None, kind: RejectKind) -> None:
    with pytest.raises(MessageRejected) as caught:
        meant(message(value, key=key))
    assert caught.value.kind is kind
    assert caught.value.message
    assert caught.value.remedy
