"""The ``kafka`` part of a collection file: what is refused, and what is filled in."""

from typing import Any

import pytest
from pydantic import ValidationError

from rag_core.kafka import Kafka, KafkaSecurity, Stream
from rag_core.messages.message import Form
from rag_core.metadata import resolve_metadata


def stream(**said: Any) -> dict[str, Any]:
    return {"name": "edits", "topics": ["wiki.edits"]} | said


def test_the_least_that_is_said_is_enough() -> None:
    kafka = Kafka.model_validate({"streams": [stream()]})
    assert kafka.bootstrap_variable == "RAG_KAFKA"
    assert kafka.stream("edits").form is Form.AUTO
    assert kafka.outcomes is None
    assert Kafka.model_validate(kafka.model_dump(mode="json", by_alias=True)) == kafka


def test_brokers_of_the_file_need_no_variable() -> None:
    kafka = Kafka.model_validate({"bootstrap_servers": ["127.0.0.1:9092", "[::1]:9092"], "streams": [stream()]})
    assert kafka.bootstrap_variable is None


def test_a_mapping_implies_its_form() -> None:
    assert Stream.model_validate(stream(mapping={"text": "{t}"})).form is Form.MAPPING


def test_what_a_message_says_wins_over_the_streams_rules() -> None:
    declared = Stream.model_validate(stream(metadata=[{"from": "path", "template": "{topic}/{wiki}/**"}]))
    resolved = resolve_metadata(
        declared.metadata,
        key="wiki.edits/en/Berlin",
        sidecar_text='{"wiki": "enwiki", "title": "Berlin", "allowed_groups": ["staff"]}',
        user_metadata=None,
        parsed_metadata={},
    )
    assert resolved.metadata == {"topic": "wiki.edits", "wiki": "enwiki"}
    assert resolved.title == "Berlin"
    assert resolved.allowed_groups == ("staff",)
    assert declared.sidecar_suffix is None
    assert declared.tag_fields == ()


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "neither streams nor outcomes"),
        ({"streams": [stream(), stream(topics=["b"])]}, "same name"),
        ({"streams": [stream(), stream(name="other")]}, "belongs to two streams"),
        ({"streams": [stream(topics=["a", "a.dlq"])]}, "would be written to"),
        ({"streams": [stream()], "outcomes": {"topic": "wiki.edits"}}, "would be written to"),
        ({"streams": [stream(topics=["a" * 246])]}, "too long"),
        ({"streams": [stream(topics=["a/b"])]}, "no topic's name"),
        ({"streams": [stream(topics=["a", "a"])]}, "named twice"),
        ({"streams": [stream(form="mapping")]}, "needs a mapping"),
        ({"streams": [stream(form="s3", mapping={"text": "{t}"})]}, "takes none"),
        ({"streams": [stream(metadata=[{"from": "sidecar", "suffix": ".x"}])]}, "no sidecars"),
        ({"bootstrap_servers": ["broker"], "streams": [stream()]}, "no host:port"),
        ({"bootstrap_servers": ["b:1"], "bootstrap_env": "B", "streams": [stream()]}, "give one of them"),
        ({"cluster": "a/b", "streams": [stream()]}, "cluster"),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Kafka.model_validate(declared)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"protocol": "SASL_SSL"}, "needs mechanism, username_env, password_env"),
        ({"protocol": "SSL", "mechanism": "PLAIN"}, "takes no mechanism"),
        ({"protocol": "PLAINTEXT", "ca_file": "ca.pem"}, "not encrypted"),
        ({"protocol": "PLAINTEXT", "check_hostname": False}, "not encrypted"),
        ({"protocol": "SSL", "key_file": "key.pem"}, "need certificate_file"),
    ],
)
def test_security_that_would_not_do_what_it_says_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        KafkaSecurity.model_validate(declared)
    assert said in str(caught.value)
