"""What holds for every right that terraform/aws gives; each policy returns the addresses at which it does not."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.terraform.planned import Statement, resources, statements

Plan = Mapping[str, Any]

ONLY_FOR_EVERYTHING = frozenset(
    {
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
    }
)
"""Actions that look and that AWS lets nobody narrow to a resource."""

OF_AWS_ITSELF = frozenset(
    {
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKS_CNI_Policy",
        "AmazonEBSCSIDriverPolicy",
    }
)
"""The managed policies that EKS asks for; their content is AWS's."""


def allowed(plan: Plan) -> Iterator[Statement]:
    """The statements that give something; those that refuse may say `*`."""
    return (each for each in statements(plan) if each.effect == "Allow")


def no_action_has_a_wildcard(plan: Plan) -> list[str]:
    """What may be done is written out, so that no later action of a service comes with it."""
    return [each.address for each in allowed(plan) if not each.actions or any("*" in action for action in each.actions)]


def no_principal_is_everybody(plan: Plan) -> list[str]:
    """Who may do it is somebody."""
    return [each.address for each in allowed(plan) if any("*" in who for who in each.principals)]


def no_resource_is_everything(plan: Plan) -> list[str]:
    """A wildcard stands only below a named thing: the objects of a bucket, the streams of a group of logs."""
    keys = {each.module for each in resources(plan, "aws_kms_key")}
    return [
        each.address
        for each in allowed(plan)
        if each.module not in keys  # in a key's policy `*` is that key
        and not set(each.actions) <= ONLY_FOR_EVERYTHING
        and any("*" in resource and not _is_below_a_name(resource, each) for resource in each.resources)
    ]


def _is_below_a_name(resource: str, statement: Statement) -> bool:
    if re.fullmatch(r"arn:[a-z-]+:s3:::[a-z0-9-]+/([^*]+/)?\*", resource):
        return True
    if re.fullmatch(r"arn:[a-z-]+:[a-z]+:[a-z0-9-]+:[0-9]{12}:[a-z-]+/[^*]+/\*", resource):
        return True
    # The names of groups are made by EKS: what narrows them is the tag with the cluster's name.
    return ":autoScalingGroup:*:autoScalingGroupName/eks-" in resource and any(
        variable.startswith("aws:ResourceTag/") for _, variable in statement.conditions
    )


def service_accounts_are_named(plan: Plan) -> list[str]:
    """A role for pods is one service account's: its name and the audience are conditions, compared as they are."""
    return [
        each.address
        for each in allowed(plan)
        if "sts:AssumeRoleWithWebIdentity" in each.actions
        and [test for test, _ in each.conditions] != ["StringEquals"] * 2
    ]


def services_act_for_this_account(plan: Plan) -> list[str]:
    """What S3 and Kafka may do, they may do for this account: no other one's bucket fills our queue."""
    found: list[str] = []
    for each in allowed(plan):
        asks = any(
            who in {"s3.amazonaws.com", "kafka.amazonaws.com", "vpc-flow-logs.amazonaws.com"} for who in each.principals
        )
        if asks and ("StringEquals", "aws:SourceAccount") not in each.conditions:
            found.append(each.address)
    return found


def managed_policies_are_those_of_eks(plan: Plan) -> list[str]:
    """No role is an administrator's."""
    return [
        each.address
        for each in resources(plan, "aws_iam_role_policy_attachment")
        if str(each.values.get("policy_arn")).rpartition("/")[2] not in OF_AWS_ITSELF
    ]


def nobody_comes_without_tls(plan: Plan) -> list[str]:
    """Each bucket and each queue has a policy that refuses calls without TLS."""
    policies = [each.address for each in resources(plan, "aws_s3_bucket_policy", "aws_sqs_queue_policy")]
    refusing = Counter(
        each.module
        for each in statements(plan)
        if each.address in policies and each.effect == "Deny" and ("Bool", "aws:SecureTransport") in each.conditions
    )
    held = Counter(each.module for each in resources(plan, "aws_s3_bucket", "aws_sqs_queue"))
    return [module for module, number in held.items() if refusing[module] < number]


POLICIES = {
    policy.__name__: policy
    for policy in (
        no_action_has_a_wildcard,
        no_principal_is_everybody,
        no_resource_is_everything,
        service_accounts_are_named,
        services_act_for_this_account,
        managed_policies_are_those_of_eks,
        nobody_comes_without_tls,
    )
}
