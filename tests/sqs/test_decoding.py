"""What a queue's messages mean, in every form and envelope that AWS sends."""

import contextlib
import json
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.arrivals import Presence
from rag_core.messages.message import MessageRejected, RejectKind
from rag_core.messages.queued import MAX_BODY_BYTES, queued_hints
from tests.sqs.events import configured_event, event_bridge, in_sns, s3_event

ENVELOPES: list[Callable[[str], str]] = [str, in_sns]
KEYS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12).filter(
        lambda segment: segment not in {".", ".."}
    ),
    min_size=1,
    max_size=4,
).map("/".join)


def uris(body: str) -> list[tuple[str, Presence]]:
    return [(hint.uri, hint.presence) for hint in queued_hints(body.encode())]


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(
    ("event", "presence"),
    [
        ("ObjectCreated:Put", Presence.PRESENT),
        ("ObjectCreated:CompleteMultipartUpload", Presence.PRESENT),
        ("ObjectRestore:Completed", Presence.PRESENT),
        ("ObjectTagging:Put", Presence.PRESENT),
        ("ObjectRemoved:Delete", Presence.GONE),
        ("ObjectRemoved:DeleteMarkerCreated", Presence.GONE),
        ("LifecycleExpiration:Delete", Presence.GONE),
    ],
)
def test_a_notification_is_a_hint_at_its_object(envelope: Callable[[str], str], event: str, presence: Presence) -> None:
    body = envelope(s3_event("docs", "a folder/x+y.pdf", event=event, versionId="096fKKXTRTtl3on89fVO.nfljtsv6qko"))
    assert uris(body) == [("s3://docs/a%20folder/x%2By.pdf", presence)]


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_event_of_eventbridge_has_its_key_as_it_is(envelope: Callable[[str], str]) -> None:
    made = envelope(event_bridge("docs", "a folder/x+y%20z.pdf", **{"version-id": "096fKK"}))
    gone = envelope(event_bridge("docs", "b.pdf", detail_type="Object Deleted"))
    assert uris(made) == [("s3://docs/a%20folder/x%2By%2520z.pdf", Presence.PRESENT)]
    assert uris(gone) == [("s3://docs/b.pdf", Presence.GONE)]
    assert queued_hints(made.encode())[0].version == "096fKK"


@given(KEYS)
def test_any_key_is_found_again_in_every_form(key: str) -> None:
    said = [uris(wrap(form("docs", key))) for wrap in ENVELOPES for form in (s3_event, event_bridge)]
    assert said.count(said[0]) == len(said)
    assert quote_plus(key, safe="/") in s3_event("docs", key)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_configuration_test_and_folder_markers_are_about_nothing(envelope: Callable[[str], str]) -> None:
    assert uris(envelope(configured_event("docs"))) == []
    assert uris(envelope(s3_event("docs", "folder/"))) == []
    assert uris(envelope(event_bridge("docs", "folder/"))) == []


def test_a_key_that_no_source_can_hold_does_not_hide_the_others() -> None:
    said = queued_hints(s3_event("docs", "a//b", "c.txt").encode())
    assert [hint.uri for hint in said] == ["s3://docs/c.txt"]
    assert queued_hints(event_bridge("docs", "a/../b").encode()) == ()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("not json", RejectKind.NOT_JSON),
        ("[1]", RejectKind.NO_FORM),
        ("{}", RejectKind.NO_FORM),
        ('{"Type": ["Notification"], "TopicArn": 1}', RejectKind.NO_FORM),
        ('{"Records": []}', RejectKind.BAD_FIELD),
        ('{"Records": [{}]}', RejectKind.BAD_FIELD),
        (in_sns("not json"), RejectKind.NOT_JSON),
        (in_sns(in_sns(s3_event("docs", "a"))), RejectKind.NO_FORM),
        (in_sns("You have chosen to subscribe", kind="SubscriptionConfirmation"), RejectKind.NO_FORM),
        (
            json.dumps({"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": {}}),
            RejectKind.NO_FORM,
        ),
        ('{"a":"' + "x" * MAX_BODY_BYTES + '"}', RejectKind.TOO_LARGE),
    ],
)
def test_what_has_no_form_says_why_and_what_to_do(body: str, kind: RejectKind) -> None:
    with pytest.raises(MessageRejected) as refused:
        queued_hints(body.encode())
    assert refused.value.kind is kind
    assert refused.value.remedy


_WORDS = ["Records", "Type", "TopicArn", "Message", "source", "detail-type", "detail", "bucket", "object", "key", "s3"]
_WORDS += ["name", "eventName", "size", "version-id"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            inner | st.sampled_from(["aws.s3", "Notification", "Object Created", "ObjectCreated:Put"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON | st.binary(max_size=40))
def test_whatever_comes_it_is_hints_or_a_rejection(content: object) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with contextlib.suppress(MessageRejected):
        queued_hints(body)
