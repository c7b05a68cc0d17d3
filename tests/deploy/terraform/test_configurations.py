"""The configurations are well formed, keep what holds data, and give the chart values that its schema takes."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.chart.rendering import over_defaults
from tests.deploy.terraform.planned import filled
from tests.deploy.terraform.tofu import CONFIGURATIONS, REPOSITORY, Tofu, formatted

pytestmark = pytest.mark.deploy

HOLDS_DATA = ("aws_s3_bucket", "aws_db_instance", "aws_msk_cluster", "aws_kms_key", "docker_volume")


def test_files_are_formatted() -> None:
    assert formatted(CONFIGURATIONS) == []


@pytest.mark.parametrize("root", ["aws", "local"])
def test_root_is_valid(root: str, request: pytest.FixtureRequest) -> None:
    tofu: Tofu = request.getfixturevalue(root)

    assert "Success" in tofu.said("validate", "-no-color")


@pytest.mark.parametrize("root", ["aws", "local"])
def test_the_roots_own_tests_pass(root: str, request: pytest.FixtureRequest) -> None:
    tofu: Tofu = request.getfixturevalue(root)

    assert re.search(r"Success! [1-9]\d* passed, 0 failed", tofu.said("test", "-no-color"))


@pytest.mark.parametrize("root", ["aws", "local"])
def test_a_misspelt_argument_is_refused(root: str, request: pytest.FixtureRequest) -> None:
    tofu: Tofu = request.getfixturevalue(root)
    wrong = tofu.root / "misspelt.tf"
    of_root = {
        "aws": 'resource "aws_sqs_queue" "x" {\n  nmae = "x"\n}\n',
        "local": 'resource "docker_volume" "x" {\n  nmae = "x"\n}\n',
    }
    wrong.write_text(of_root[root], encoding="utf-8")
    try:
        refused = tofu.run("validate", "-no-color")
    finally:
        wrong.unlink()

    assert refused.returncode == 1
    assert "nmae" in refused.stderr


@pytest.mark.parametrize("module", sorted(path.name for path in (CONFIGURATIONS / "modules").iterdir()))
def test_every_variable_and_output_says_what_it_is(module: str) -> None:
    for path in sorted((CONFIGURATIONS / "modules" / module).glob("*.tf")):
        for kind, name, body in _blocks(path, r'(variable|output) "([^"]+)"'):
            assert "description" in body, f"{path.name}: {kind} {name}"


def test_what_holds_data_is_not_destroyed_by_a_plan() -> None:
    unprotected = [
        f"{path.relative_to(CONFIGURATIONS)}: {type_}"
        for path in sorted(CONFIGURATIONS.rglob("*.tf"))
        for type_, _ in _unprotected(path)
    ]

    assert unprotected == []


def test_a_bucket_without_protection_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" "x" {\n  bucket = "x"\n}\n', encoding="utf-8")

    assert [type_ for type_, _ in _unprotected(tmp_path / "main.tf")] == ["aws_s3_bucket"]


def test_the_charts_schema_takes_the_values(aws_plan: dict[str, Any]) -> None:
    schema = json.loads((REPOSITORY / "deploy/chart/rag-assets/values.schema.json").read_text(encoding="utf-8"))
    change = aws_plan["output_changes"]["helm_values"]
    values = filled(change["after"], change["after_unknown"])

    jsonschema.Draft7Validator(schema).validate(over_defaults(values))
    assert values["serviceAccounts"]["runs"]["annotations"].keys() == {"eks.amazonaws.com/role-arn"}
    assert values["serviceAccounts"]["daemon"]["annotations"] == {}
    assert values["kafka"]["bootstrapServers"] == "made-at-apply:1"
    assert values["listener"] == {"enabled": True}, "nothing else reads the queue"
    assert values["recovery"] == {"enabled": True, "backupUrl": "s3://rag-123456789012-backups/rag"}
    assert values["serviceAccounts"]["recovery"]["annotations"].keys() == {"eks.amazonaws.com/role-arn"}


def _unprotected(path: Path) -> list[tuple[str, str]]:
    found = _blocks(path, rf'resource "({"|".join(HOLDS_DATA)})" "([^"]+)"')
    return [
        (type_, body) for type_, _, body in found if not re.search(r"lifecycle \{\s+prevent_destroy = true\s+\}", body)
    ]


def _blocks(path: Path, head: str) -> list[tuple[str, str, str]]:
    """The top-level blocks of a formatted file whose head matches: its two names and its body."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^{head} {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
