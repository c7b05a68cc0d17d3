"""What keeps an installation looked after: who is told of what, and nothing that no policy would see."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.deploy.terraform.planned import resources

Plan = Mapping[str, Any]

LOOKED_AT = frozenset(
    {
        "aws_autoscaling_group_tag",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_db_instance",
        "aws_db_parameter_group",
        "aws_db_subnet_group",
        "aws_default_security_group",
        "aws_ecr_lifecycle_policy",
        "aws_ecr_repository",
        "aws_eip",
        "aws_eks_access_entry",
        "aws_eks_access_policy_association",
        "aws_eks_addon",
        "aws_eks_cluster",
        "aws_eks_node_group",
        "aws_flow_log",
        "aws_iam_openid_connect_provider",
        "aws_iam_policy_document",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_internet_gateway",
        "aws_kms_alias",
        "aws_kms_key",
        "aws_launch_template",
        "aws_msk_cluster",
        "aws_msk_configuration",
        "aws_msk_single_scram_secret_association",
        "aws_nat_gateway",
        "aws_route",
        "aws_route_table",
        "aws_route_table_association",
        "aws_s3_bucket",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_secretsmanager_secret",
        "aws_secretsmanager_secret_policy",
        "aws_secretsmanager_secret_version",
        "aws_security_group",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
        "aws_sqs_queue",
        "aws_sqs_queue_policy",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_subnet",
        "aws_vpc",
        "aws_vpc_endpoint",
        "aws_vpc_security_group_ingress_rule",
    }
)
"""The types that the policies were written for; whoever adds one says in a policy what it must not open."""

WATCHED = {
    "aws_db_instance": "FreeStorageSpace",
    "aws_msk_cluster": "KafkaDataLogsDiskUsed",
    "aws_s3_bucket_notification": "ApproximateAgeOfOldestMessage",
}
"""What fills or waits unseen, and the metric that shows it."""


def nothing_is_of_an_unknown_type(plan: Plan) -> list[str]:
    """A load balancer, a machine, a disk of its own: no policy here would look at it."""
    return [each.address for each in resources(plan) if each.type not in LOOKED_AT]


def what_fills_or_waits_has_an_alarm(plan: Plan) -> list[str]:
    """Disks that do not grow, and events that nobody reads; of Kafka each broker's."""
    alarms = Counter(
        (each.module, each.values.get("metric_name")) for each in resources(plan, "aws_cloudwatch_metric_alarm")
    )
    return [
        each.address
        for each in resources(plan, *WATCHED)
        if alarms[each.module, WATCHED[each.type]] < each.values.get("number_of_broker_nodes", 1)
    ]


def alarms_are_told(plan: Plan) -> list[str]:
    """An alarm goes to a topic, and so does its end."""
    alarms = resources(plan, "aws_cloudwatch_metric_alarm")
    return [each.address for each in alarms if not (each.values.get("alarm_actions") and each.values.get("ok_actions"))]


def the_cluster_does_not_grow_old(plan: Plan) -> list[str]:
    """When a version's standard support ends, EKS goes on to the next one."""
    clusters = resources(plan, "aws_eks_cluster")
    return [
        each.address
        for each in clusters
        if [one.get("support_type") for one in each.blocks("upgrade_policy")] != ["STANDARD"]
    ]


POLICIES = {
    policy.__name__: policy
    for policy in (
        nothing_is_of_an_unknown_type,
        what_fills_or_waits_has_an_alarm,
        alarms_are_told,
        the_cluster_does_not_grow_old,
    )
}
