"""The guide of terraform/aws says what is so: its variables plan, its values fit chart and roles, its numbers hold."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from resources.clients.collection_files import check_collections, load_collection
from tests.deploy.chart.rendering import over_defaults
from tests.deploy.terraform.iam_policies import allowed
from tests.deploy.terraform.planned import filled, resources
from tests.deploy.terraform.tofu import CONFIGURATIONS, REPOSITORY, Tofu

pytestmark = pytest.mark.deploy

GUIDE = (CONFIGURATIONS / "aws" / "README.md").read_text(encoding="utf-8")
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/rag-object-events"
NUMBERS = {4: "four", 11: "eleven"}


@pytest.fixture(scope="module")
def plan(aws: Tofu) -> dict[str, Any]:
    """What the variables of the guide's first step make."""
    (said,) = re.findall(r"```hcl\n(.*?)```", GUIDE, re.DOTALL)
    (aws.root / "guide.tfvars").write_text(said, encoding="utf-8")
    return aws.planned("guide", "-var-file=guide.tfvars")


@pytest.fixture(scope="module")
def outputs(plan: dict[str, Any]) -> dict[str, Any]:
    return {
        name: filled(change.get("after"), change["after_unknown"]) for name, change in plan["output_changes"].items()
    } | {"object_events_queue_url": QUEUE}


@pytest.fixture(scope="module")
def values(outputs: dict[str, Any]) -> dict[str, Any]:
    """The values of the guide, with the outputs that its shell would put in."""
    (written,) = re.findall(r"cat > our.values.yaml <<VALUES\n(.*?)\n    VALUES", GUIDE, re.DOTALL)
    put_in = re.sub(r"\$\(tofu output -raw (\w+)\)", lambda found: outputs[found[1]], textwrap.dedent(written))
    assert "$" not in put_in
    read: dict[str, Any] = yaml.safe_load(put_in)
    return read


def test_plan_makes_as_many_as_the_guide_says(plan: dict[str, Any]) -> None:
    made = [each for each in plan["resource_changes"] if each["change"]["actions"] == ["create"]]

    assert re.findall(r"Plan: (\d+) to add", GUIDE) == [str(len(made))]


def test_outputs_that_the_guide_names_are_there(outputs: dict[str, Any]) -> None:
    named = set(re.findall(r"tofu output (?:-raw|-json) (\w+)", GUIDE))

    assert named <= set(outputs)
    assert {"in_cluster", "helm_values", "autoscaler_role_arn"} <= named


def test_cluster_gets_as_many_objects_as_the_guide_says(outputs: dict[str, Any]) -> None:
    items = outputs["in_cluster"]["items"]
    copies = [each for each in items if each["kind"] == "ExternalSecret"]

    assert f"Expect {NUMBERS[len(items)]} objects `created`" in GUIDE
    assert f"{NUMBERS[len(copies)]} copies with `SecretSynced`" in GUIDE
    [disks] = [each["metadata"]["name"] for each in items if each["kind"] == "StorageClass"]
    assert f"storageClassName: {disks}}}" in GUIDE
    assert "secretKeyRef: {name: qdrant, key: api-key}" in GUIDE
    assert ("qdrant", "qdrant") in {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in copies}


def test_chart_takes_the_values(values: dict[str, Any], outputs: dict[str, Any]) -> None:
    schema = json.loads((REPOSITORY / "deploy/chart/rag-assets/values.schema.json").read_text(encoding="utf-8"))

    jsonschema.Draft7Validator(schema).validate(over_defaults(_over(outputs["helm_values"], values)))


def test_collection_hears_of_changes_and_its_bucket_may_be_read(
    values: dict[str, Any], plan: dict[str, Any], tmp_path: Path
) -> None:
    for name, text in values["collections"]["files"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert check_collections(tmp_path) == []
    collection = load_collection(tmp_path, "handbook").collection
    (source,) = collection.sources
    bucket, _, prefix = source.url.removeprefix("s3://").partition("/")
    assert collection.uploads is not None

    assert source.notifications is not None
    assert source.notifications.sqs.queue_url == QUEUE
    for role in ("ingestion", "runs", "api", "recovery"):
        assert f"arn:aws:s3:::{bucket}/*" in _resources_of(plan, role, "s3:GetObject")
    uploads = f"arn:aws:s3:::{bucket}/{prefix}/{collection.uploads.prefix}/*"
    assert _resources_of(plan, "api", "s3:PutObject") == {uploads}


def test_load_balancers_are_public_only_where_that_is_asked_for(
    plan: dict[str, Any], aws_plan_with_egress: dict[str, Any]
) -> None:
    def places(found: dict[str, Any]) -> set[str]:
        return {
            each.address for each in resources(found, "aws_subnet") if "kubernetes.io/role/elb" in each.values["tags"]
        }

    assert places(plan) == set(), "internet_egress alone lets nothing in"
    assert len(places(aws_plan_with_egress)) == 3


def _resources_of(plan: dict[str, Any], role: str, action: str) -> set[str]:
    return {
        resource
        for each in allowed(plan)
        if each.module == f'module.service_role["{role}"]' and action in each.actions
        for resource in each.resources
    }


def _over(lower: Any, upper: Any) -> Any:
    """Values laid over values, as Helm does it."""
    if isinstance(lower, dict) and isinstance(upper, dict):
        return {name: _over(lower.get(name), upper.get(name, lower.get(name))) for name in {**lower, **upper}}
    return upper
