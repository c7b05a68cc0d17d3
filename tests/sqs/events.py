"""Events as AWS sends them: S3's notifications, EventBridge's events, either in an SNS envelope."""

import itertools
import json
from typing import Any
from urllib.parse import quote_plus

_SEQUENCE = itertools.count(0x0066B1F2C3D4E5F6)
TOPIC_ARN = "arn:aws:sns:eu-central-1:123456789012:bucket-events"


def s3_event(bucket: str, *keys: str, event: str = "ObjectCreated:Put", **more: Any) -> str:
    """Return a notification; keys as AWS writes them: like an HTML form, slashes left as they are."""
    return json.dumps({"Records": [_record(bucket, key, event, more) for key in keys]})


def _record(bucket: str, key: str, event: str, more: dict[str, Any]) -> dict[str, Any]:
    stored = {"key": quote_plus(key, safe="/"), "sequencer": f"{next(_SEQUENCE):016X}", **more}
    if event.startswith("ObjectCreated:"):
        stored = {"size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", **stored}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-20T09:31:07.412Z",
        "eventName": event,
        "userIdentity": {"principalId": "AWS:AROAEXAMPLE:uploader"},
        "requestParameters": {"sourceIPAddress": "10.1.2.3"},
        "responseElements": {"x-amz-request-id": "PHKX5V2J4EXAMPLE", "x-amz-id-2": "k3Vb0EXAMPLE="},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "to-rag",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": stored,
        },
    }


def event_bridge(bucket: str, key: str, *, detail_type: str = "Object Created", **more: Any) -> str:
    """Return an event; EventBridge writes keys as they are."""
    stored = {"key": key, "sequencer": f"{next(_SEQUENCE):016X}", **more}
    reason: dict[str, Any] = {"reason": "PutObject"}
    if detail_type == "Object Created":
        stored = {"size": 1024, "etag": "d41d8cd98f00b204e9800998ecf8427e", **stored}
    elif detail_type == "Object Deleted":
        reason = {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"}
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": detail_type,
            "source": "aws.s3",
            "account": "123456789012",
            "time": "2026-11-20T09:31:08Z",
            "region": "eu-central-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket},
                "object": stored,
                "request-id": "PHKX5V2J4EXAMPLE",
                "requester": "123456789012",
                "source-ip-address": "10.1.2.3",
                **reason,
            },
        }
    )


def in_sns(message: str, *, kind: str = "Notification", **more: Any) -> str:
    """Return an SNS envelope around a message."""
    return json.dumps(
        {
            "Type": kind,
            "MessageId": "dc1e94d9-56c5-5e96-808d-cc7f68faa162",
            "TopicArn": TOPIC_ARN,
            "Subject": "Amazon S3 Notification",
            "Message": message,
            "Timestamp": "2026-11-20T09:31:08.001Z",
            "SignatureVersion": "1",
            "Signature": "FcuiJ0aEXAMPLE==",
            "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0000.pem",
            "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
            **more,
        }
    )


def configured_event(bucket: str) -> str:
    """Return what S3 sends when a notification is configured."""
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": "2026-11-20T09:00:00.000Z",
            "Bucket": bucket,
            "RequestId": "5582815E1AEA5ADF",
            "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR",
        }
    )
