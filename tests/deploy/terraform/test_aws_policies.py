"""Every policy holds for what terraform/aws plans, and each is seen to fail when the plan says otherwise."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.deploy.terraform import aws_policies, iam_policies, operations_policies
from tests.deploy.terraform.breaches import MUTATIONS, UNNAMED, Values
from tests.deploy.terraform.planned import resources, statements

pytestmark = pytest.mark.deploy

POLICIES = {**aws_policies.POLICIES, **iam_policies.POLICIES, **operations_policies.POLICIES}


@pytest.mark.parametrize("name", POLICIES)
def test_policy_holds(name: str, aws_plan: dict[str, Any], aws_plan_with_egress: dict[str, Any]) -> None:
    assert POLICIES[name](aws_plan) == []
    assert POLICIES[name](aws_plan_with_egress) == []


@pytest.mark.parametrize(("name", "where", "change"), MUTATIONS)
def test_policy_finds_a_breach(
    name: str, where: str, change: Callable[[Values], None], aws_plan: dict[str, Any]
) -> None:
    broken = copy.deepcopy(aws_plan)
    change(_found(broken, where))

    assert POLICIES[name](broken)


@pytest.mark.parametrize(("name", "type_", "path"), UNNAMED)
def test_policy_finds_what_no_key_is_named_for(
    name: str, type_: str, path: tuple[str, ...], aws_plan: dict[str, Any]
) -> None:
    broken = copy.deepcopy(aws_plan)
    found = _expressions(broken["configuration"]["root_module"], type_)
    for block in path[:-1]:
        found = found[block][0]
    del found[path[-1]]

    assert POLICIES[name](broken)


def test_a_public_address_for_a_machine_is_found_beside_translators(aws_plan_with_egress: dict[str, Any]) -> None:
    broken = copy.deepcopy(aws_plan_with_egress)
    _found(broken, "aws_eip")["instance"] = "i-1"

    assert POLICIES["nothing_has_a_public_address"](broken)


def test_a_policy_that_is_put_together_at_apply_is_found(aws_plan: dict[str, Any]) -> None:
    """`policy = jsonencode({… Action = "*", Resource = aws_sqs_queue.x.arn})`: at plan nobody sees the `*`."""
    broken = copy.deepcopy(aws_plan)
    network = broken["configuration"]["root_module"]["module_calls"]["network"]["module"]
    unknown = _expressions(network, "aws_iam_role_policy")
    unknown["policy"] = {"references": ["aws_sqs_queue.x.arn", "aws_sqs_queue.x"]}

    assert POLICIES["every_policy_is_looked_at"](broken)
    unknown["policy"] = {"references": ["var.policy"]}
    assert POLICIES["every_policy_is_looked_at"](broken)


@pytest.mark.parametrize("type_", ["aws_lb", "aws_instance", "aws_ebs_volume", "aws_iam_policy"])
def test_a_type_that_no_policy_knows_is_found(type_: str, aws_plan: dict[str, Any]) -> None:
    broken = copy.deepcopy(aws_plan)
    broken["resource_changes"].append({"address": f"{type_}.x", "type": type_, "change": {"after": {}}})

    assert POLICIES["nothing_is_of_an_unknown_type"](broken) == [f"{type_}.x"]


def test_every_policy_is_seen_to_fail() -> None:
    by_hand = {"nothing_is_of_an_unknown_type"}

    assert {name for name, *_ in [*MUTATIONS, *UNNAMED]} | by_hand == set(POLICIES)


@pytest.mark.parametrize("role", ["webserver", "ingestion", "runs", "recovery"])
def test_who_works_with_parquet_lists_its_bucket_without_conditions(role: str, aws_plan: dict[str, Any]) -> None:
    listing = [
        each
        for each in iam_policies.allowed(aws_plan)
        if each.module == f'module.service_role["{role}"]'
        and "arn:aws:s3:::rag-123456789012-artifacts" in each.resources
    ]

    assert [(each.actions, each.conditions) for each in listing] == [(("s3:ListBucket",), ())]


def test_only_recovery_reaches_backups(aws_plan: dict[str, Any]) -> None:
    reaching = {
        each.module for each in iam_policies.allowed(aws_plan) if any("backups" in one for one in each.resources)
    }
    may = {
        action
        for each in iam_policies.allowed(aws_plan)
        if each.module == 'module.service_role["recovery"]'
        for action in each.actions
    }

    assert reaching == {'module.service_role["recovery"]'}
    assert {
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    } <= may


def test_policies_look_at_something(aws_plan: dict[str, Any]) -> None:
    types = {each.type for each in resources(aws_plan)}

    assert {"aws_s3_bucket", "aws_db_instance", "aws_msk_cluster", "aws_eks_cluster", "aws_sqs_queue"} <= types
    assert {"aws_ecr_repository", "aws_kms_key", "aws_secretsmanager_secret", "aws_launch_template"} <= types
    assert sum(1 for _ in iam_policies.allowed(aws_plan)) > 30
    assert any("sqs:ReceiveMessage" in each.actions for each in statements(aws_plan))


def test_no_network_leads_outside_unless_asked(aws_plan: dict[str, Any]) -> None:
    assert resources(aws_plan, "aws_eip", "aws_internet_gateway", "aws_nat_gateway", "aws_route") == []


def test_no_password_is_in_the_plan(aws_plan: dict[str, Any]) -> None:
    written = str(aws_plan)

    assert "d" * 32 not in written
    assert "k" * 32 not in written


def _found(plan: Mapping[str, Any], where: str) -> Values:
    """The values of a resource of the plan, or of a document that was read already."""
    try:
        values: Values = _change(plan, where)["after"]
    except StopIteration:
        values = next(_read(plan["prior_state"]["values"]["root_module"], where))
    return values


def _change(plan: Mapping[str, Any], where: str) -> dict[str, Any]:
    change: dict[str, Any] = next(
        each["change"] for each in plan["resource_changes"] if where in {each["address"], each["type"]}
    )
    return change


def _read(module: Mapping[str, Any], address: str) -> Any:
    yield from (each["values"] for each in module.get("resources", []) if each["address"] == address)
    for child in module.get("child_modules", []):
        yield from _read(child, address)


def _expressions(module: Mapping[str, Any], type_: str) -> dict[str, Any]:
    """What the configuration says of the first resource of the type."""
    found: list[dict[str, Any]] = [each["expressions"] for each in module.get("resources", []) if each["type"] == type_]
    calls = module.get("module_calls", {}).values()
    return found[0] if found else next(filter(None, (_expressions(call["module"], type_) for call in calls)), {})
