"""Each way from a bucket to a queue, wired as its owner wires it: moto's services send what reaches the reader."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sqs.conftest import Notified

KEY = "in/a folder/x+y é.txt"


def by_s3(notified: Notified, bucket: str, queue: str) -> dict[str, Any]:
    return {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]}


def by_event_bridge(notified: Notified, bucket: str, queue: str) -> dict[str, Any]:
    events = notified.aws.of("events")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": [bucket]}},
    }
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": queue}])
    return {"EventBridgeConfiguration": {}}


def _by_sns(notified: Notified, bucket: str, queue: str, *, attributes: dict[str, str]) -> dict[str, Any]:
    sns = notified.aws.of("sns")
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)
    return {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]}


def by_sns(notified: Notified, bucket: str, queue: str) -> dict[str, Any]:
    return _by_sns(notified, bucket, queue, attributes={})


def by_sns_raw(notified: Notified, bucket: str, queue: str) -> dict[str, Any]:
    return _by_sns(notified, bucket, queue, attributes={"RawMessageDelivery": "true"})


@pytest.mark.parametrize("wiring", [by_s3, by_event_bridge, by_sns, by_sns_raw])
def test_what_changes_in_a_bucket_reaches_its_collection(
    notified: Notified, wiring: Callable[[Notified, str, str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBJECTS", notified.aws.endpoint)
    bucket = wiring.__name__.replace("_", "-")
    notified.buckets[bucket] = bucket
    try:
        notified.declare("notes", landing={"bucket": bucket, "prefix": "in"})
    finally:
        del notified.buckets[bucket]
    objects, sqs = notified.aws.of("s3"), notified.aws.of("sqs")
    objects.create_bucket(Bucket=bucket)
    found = sqs.get_queue_attributes(QueueUrl=notified.queue_url, AttributeNames=["QueueArn"])
    configuration = wiring(notified, bucket, found["Attributes"]["QueueArn"])
    objects.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    reader = notified.reader()
    reader.tick(wait_s=0)  # S3's test event
    objects.put_object(Bucket=bucket, Key=KEY, Body=b"some text")
    put = reader.tick(wait_s=0)
    assert (put.messages, put.recorded, put.dead, put.ignored) == (1, 1, 0, 0)
    assert notified.sweep().tick().recorded == 0, "it is recorded as its sweep would"
    objects.delete_object(Bucket=bucket, Key=KEY)
    removed = reader.tick(wait_s=0)
    assert (removed.messages, removed.recorded, notified.in_queue()) == (1, 1, (0, 0))
    assert notified.arrivals() == [("a folder/x+y é.txt", presence) for presence in ("present", "gone")]
