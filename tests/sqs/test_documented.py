"""The queue that docs/sources.md makes can be made as it stands there, and lets the bucket send."""

import json
import re
from pathlib import Path

from tests.sqs.conftest import Aws

DOCUMENT = Path(__file__).parents[2] / "docs" / "sources.md"


def test_the_documented_attributes_make_a_queue(moto: Aws) -> None:
    found = re.search(r"`queue\.json`.*?```json\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    assert found is not None
    attributes = json.loads(found[1])
    sqs = moto.of("sqs")
    url = sqs.create_queue(QueueName="acme-documents", Attributes=attributes)["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    (statement,) = json.loads(kept)["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    sqs.delete_queue(QueueUrl=url)
