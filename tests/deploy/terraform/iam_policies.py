"""What holds for every right that terraform/aws gives; each policy returns the addresses at which it does not."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.terraform.planned import Statement, documents, resources, statements

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


OLDER_VERSIONS = frozenset({"s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"})
"""Actions by which what was overwritten could be made to go for ever."""

WRITTEN_ELSEWHERE = ("source_policy_documents", "override_policy_documents")
NEGATED = ("not_actions", "not_principals", "not_resources")


def allowed(plan: Plan) -> Iterator[Statement]:
    """The statements that give something; those that refuse may say `*`."""
    return (each for each in statements(plan) if each.effect == "Allow")


def every_policy_is_looked_at(plan: Plan) -> list[str]:
    """Each is one of the documents, or known at plan: what is put together at apply would be seen by no policy here."""
    found = [
        each.address
        for each in resources(plan)
        for name in ("policy", "assume_role_policy")
        if (expression := each.configured.get(name)) and not isinstance(each.values.get(name), str)
        if not _is_document(expression)
    ]
    found += [
        each.address
        for each in resources(plan, "aws_iam_role")
        if each.configured.get("inline_policy") or each.configured.get("managed_policy_arns")
    ]
    for address, _, values in documents(plan):
        negated = any(each.get(name) for each in values.get("statement") or [] for name in NEGATED)
        if negated or any(values.get(name) for name in WRITTEN_ELSEWHERE):
            found.append(address)
    return found


def _is_document(expression: Mapping[str, Any]) -> bool:
    named = [each for each in expression.get("references", []) if not each.startswith(("each.", "count."))]
    return bool(named) and all(each.startswith("data.aws_iam_policy_document.") for each in named)


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
    if re.fullmatch(r"arn:[a-z-]+:s3:::[a-z0-9.-]+/([^*]+/)?\*", resource):
        return True
    if re.fullmatch(r"arn:[a-z-]+:[a-z]+:[a-z0-9-]+:[0-9]{12}:[a-z-]+/[^*]+/\*", resource):
        return True
    # The names of groups are made by EKS: what narrows them is the tag with the cluster's name.
    return ":autoScalingGroup:*:autoScalingGroupName/eks-" in resource and any(
        variable.startswith("aws:ResourceTag/") for _, variable in statement.conditions
    )


def missing_objects_are_seen_to_be_missing(plan: Plan) -> list[str]:
    """Who reads objects may list their bucket, unconditionally: else S3 calls a missing object forbidden."""
    listed = {
        (each.module, bucket)
        for each in allowed(plan)
        if "s3:ListBucket" in each.actions and not each.conditions
        for bucket in each.resources
    }
    return [
        each.address
        for each in allowed(plan)
        if "s3:GetObject" in each.actions
        and any((each.module, resource.partition("/")[0]) not in listed for resource in each.resources)
    ]


def nobody_deletes_older_versions(plan: Plan) -> list[str]:
    """A role that is misused can hide documents and backups, and not make them go."""
    return [each.address for each in allowed(plan) if OLDER_VERSIONS & set(each.actions)]


def service_accounts_are_named(plan: Plan) -> list[str]:
    """A role for pods is one service account's: its name and the audience are conditions, compared as they are."""
    return [
        each.address
        for each in allowed(plan)
        if "sts:AssumeRoleWithWebIdentity" in each.actions
        and [test for test, _ in each.conditions] != ["StringEquals"] * 2
    ]


def services_act_for_this_account(plan: Plan) -> list[str]:
    """What S3, Kafka and CloudWatch may do, they may do for this account: no other one's bucket fills our queue."""
    services = {f"{name}.amazonaws.com" for name in ("cloudwatch", "kafka", "s3", "vpc-flow-logs")}
    found: list[str] = []
    for each in allowed(plan):
        if services & set(each.principals) and ("StringEquals", "aws:SourceAccount") not in each.conditions:
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
    """Each bucket, queue and topic has a policy that refuses calls without TLS."""
    kinds = ("aws_s3_bucket_policy", "aws_sqs_queue_policy", "aws_sns_topic_policy")
    policies = [each.address for each in resources(plan, *kinds)]
    refusing = Counter(
        each.module
        for each in statements(plan)
        if each.address in policies and each.effect == "Deny" and ("Bool", "aws:SecureTransport") in each.conditions
    )
    held = Counter(each.module for each in resources(plan, "aws_s3_bucket", "aws_sqs_queue", "aws_sns_topic"))
    return [module for module, number in held.items() if refusing[module] < number]


POLICIES = {
    policy.__name__: policy
    for policy in (
        every_policy_is_looked_at,
        no_action_has_a_wildcard,
        no_principal_is_everybody,
        no_resource_is_everything,
        missing_objects_are_seen_to_be_missing,
        nobody_deletes_older_versions,
        service_accounts_are_named,
        services_act_for_this_account,
        managed_policies_are_those_of_eks,
        nobody_comes_without_tls,
    )
}
