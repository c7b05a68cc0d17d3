"""Breaches of the policies, each a change of the plan: what somebody could write into terraform/aws tomorrow."""

import json
from collections.abc import Callable
from typing import Any

Values = dict[str, Any]


def _set(name: str, value: object) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        values[name] = value

    return change


def _set_in(block: str, name: str, value: object) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        values[block][0][name] = value

    return change


def _first_rule_unencrypted(values: Values) -> None:
    values["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"] = "AES256"


def _kafka_plaintext(values: Values) -> None:
    values["encryption_info"][0]["encryption_in_transit"][0]["client_broker"] = "TLS_PLAINTEXT"


def _kafka_public(values: Values) -> None:
    values["broker_node_group_info"][0]["connectivity_info"][0]["public_access"][0]["type"] = "SERVICE_PROVIDED_EIPS"


def _disk_unencrypted(values: Values) -> None:
    values["block_device_mappings"][0]["ebs"][0]["encrypted"] = "false"


def _without_tls_parameter(values: Values) -> None:
    values["parameter"] = [each for each in values["parameter"] if each["name"] != "rds.force_ssl"]


def _allow(
    *, actions: list[str], resources: list[str], principals: list[str] | None = None
) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        who = [{"type": "AWS", "identifiers": principals}] if principals else []
        values["statement"].append({"effect": "Allow", "actions": actions, "resources": resources, "principals": who})

    return change


def _compare_loosely(values: Values) -> None:
    values["statement"][0]["condition"][0]["test"] = "StringLike"


def _any_account(values: Values) -> None:
    for each in values["statement"]:
        each["condition"] = [one for one in each.get("condition") or [] if one["variable"] != "aws:SourceAccount"]


def _list_under_a_condition(values: Values) -> None:
    for each in values["statement"]:
        if each["actions"] == ["s3:ListBucket"]:
            each["condition"] = [{"test": "StringLike", "variable": "s3:prefix", "values": ["parquet/*"]}]


def _everything_but(values: Values) -> None:
    values["statement"].append({"effect": "Allow", "not_actions": ["iam:CreateUser"], "resources": [DOCUMENTS]})


def _allow_without_tls(values: Values) -> None:
    values["policy"] = json.dumps({"Statement": []})


_another_metric = _set("metric_name", "CpuUtilization")

A_ROLE = 'module.service_role["runs"].data.aws_iam_policy_document.this[0]'
A_TRUST = 'module.service_role["runs"].data.aws_iam_policy_document.trust'
A_BUCKET_POLICY = "module.documents.data.aws_iam_policy_document.tls_only"
DOCUMENTS = "arn:aws:s3:::rag-123456789012-documents"

# Policy, the resource that is changed (by address, or the first of a type), the change.
MUTATIONS: list[tuple[str, str, Callable[[Values], None]]] = [
    ("nothing_has_a_public_address", "aws_subnet", _set("map_public_ip_on_launch", value=True)),
    (
        "nothing_has_a_public_address",
        "aws_launch_template",
        _set("network_interfaces", [{"associate_public_ip_address": "true"}]),
    ),
    ("nothing_is_reached_from_everywhere", "aws_vpc_security_group_ingress_rule", _set("cidr_ipv4", "0.0.0.0/0")),
    ("nothing_is_reached_from_everywhere", "aws_vpc_security_group_ingress_rule", _set("cidr_ipv6", "::/0")),
    ("nothing_is_reached_from_everywhere", "aws_security_group", _set("ingress", [{"cidr_blocks": ["0.0.0.0/0"]}])),
    ("the_clusters_api_is_private", "aws_eks_cluster", _set_in("vpc_config", "endpoint_public_access", value=True)),
    ("the_clusters_api_is_private", "aws_eks_cluster", _set_in("vpc_config", "endpoint_private_access", value=False)),
    ("buckets_block_public_access", "aws_s3_bucket_public_access_block", _set("restrict_public_buckets", value=False)),
    ("buckets_are_encrypted", "aws_s3_bucket_server_side_encryption_configuration", _first_rule_unencrypted),
    (
        "buckets_keep_versions",
        "aws_s3_bucket_versioning",
        _set("versioning_configuration", [{"status": "Suspended"}]),
    ),
    ("buckets_keep_versions", "aws_s3_bucket", _set("force_destroy", value=True)),
    ("the_database_is_private_and_encrypted", "aws_db_instance", _set("publicly_accessible", value=True)),
    ("the_database_is_private_and_encrypted", "aws_db_instance", _set("storage_encrypted", value=False)),
    ("the_database_is_private_and_encrypted", "aws_db_parameter_group", _without_tls_parameter),
    ("the_database_is_protected", "aws_db_instance", _set("deletion_protection", value=False)),
    ("the_database_is_protected", "aws_db_instance", _set("skip_final_snapshot", value=True)),
    ("the_database_is_protected", "aws_db_instance", _set("multi_az", value=False)),
    ("the_database_is_protected", "aws_db_instance", _set("backup_retention_period", 1)),
    ("kafka_is_private_and_encrypted", "aws_msk_cluster", _kafka_plaintext),
    ("kafka_is_private_and_encrypted", "aws_msk_cluster", _kafka_public),
    (
        "kafka_is_private_and_encrypted",
        "aws_msk_cluster",
        _set_in("client_authentication", "unauthenticated", value=True),
    ),
    ("kubernetes_secrets_are_encrypted", "aws_eks_cluster", _set("encryption_config", [])),
    ("machines_are_closed", "aws_launch_template", _disk_unencrypted),
    ("machines_are_closed", "aws_launch_template", _set_in("metadata_options", "http_tokens", "optional")),
    ("images_are_immutable_scanned_and_encrypted", "aws_ecr_repository", _set("image_tag_mutability", "MUTABLE")),
    (
        "images_are_immutable_scanned_and_encrypted",
        "aws_ecr_repository",
        _set("image_scanning_configuration", [{"scan_on_push": False}]),
    ),
    ("keys_and_secrets_can_be_brought_back", "aws_kms_key", _set("deletion_window_in_days", 7)),
    ("keys_and_secrets_can_be_brought_back", "aws_kms_key", _set("enable_key_rotation", value=False)),
    ("keys_and_secrets_can_be_brought_back", "aws_secretsmanager_secret", _set("recovery_window_in_days", 0)),
    (
        "gpu_machines_scale_to_zero",
        'module.cluster.aws_eks_node_group.this["gpu"]',
        _set_in("scaling_config", "min_size", 1),
    ),
    ("gpu_machines_scale_to_zero", 'module.cluster.aws_eks_node_group.this["gpu"]', _set("taint", [])),
    ("no_action_has_a_wildcard", A_ROLE, _allow(actions=["s3:Get*"], resources=[f"{DOCUMENTS}/*"])),
    ("no_resource_is_everything", A_ROLE, _allow(actions=["s3:GetObject"], resources=["*"])),
    ("no_resource_is_everything", A_ROLE, _allow(actions=["s3:GetObject"], resources=["arn:aws:s3:::*/*"])),
    ("no_resource_is_everything", A_ROLE, _allow(actions=["sqs:ReceiveMessage"], resources=["arn:aws:sqs:*:*:*"])),
    (
        "no_principal_is_everybody",
        A_BUCKET_POLICY,
        _allow(actions=["s3:GetObject"], resources=[f"{DOCUMENTS}/*"], principals=["*"]),
    ),
    ("service_accounts_are_named", A_TRUST, _compare_loosely),
    (
        "services_act_for_this_account",
        'module.notifications.data.aws_iam_policy_document.queue["events"]',
        _any_account,
    ),
    (
        "managed_policies_are_those_of_eks",
        "aws_iam_role_policy_attachment",
        _set("policy_arn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    ("nobody_comes_without_tls", "aws_s3_bucket_policy", _allow_without_tls),
    ("nobody_comes_without_tls", "aws_sqs_queue_policy", _allow_without_tls),
    ("nobody_comes_without_tls", "aws_sns_topic_policy", _allow_without_tls),
    ("missing_objects_are_seen_to_be_missing", A_ROLE, _list_under_a_condition),
    (
        "missing_objects_are_seen_to_be_missing",
        A_ROLE,
        _allow(actions=["s3:GetObject"], resources=["arn:aws:s3:::another/*"]),
    ),
    (
        "nobody_deletes_older_versions",
        A_ROLE,
        _allow(actions=["s3:DeleteObjectVersion"], resources=[f"{DOCUMENTS}/*"]),
    ),
    ("every_policy_is_looked_at", A_ROLE, _everything_but),
    ("every_policy_is_looked_at", A_ROLE, _set("override_policy_documents", ["{}"])),
    ("what_fills_or_waits_has_an_alarm", 'module.kafka.aws_cloudwatch_metric_alarm.disk["3"]', _another_metric),
    ("what_fills_or_waits_has_an_alarm", "module.database.aws_cloudwatch_metric_alarm.disk", _another_metric),
    ("what_fills_or_waits_has_an_alarm", "module.notifications.aws_cloudwatch_metric_alarm.unread", _another_metric),
    ("alarms_are_told", "aws_cloudwatch_metric_alarm", _set("alarm_actions", [])),
    ("the_cluster_does_not_grow_old", "aws_eks_cluster", _set("upgrade_policy", [{"support_type": "EXTENDED"}])),
    ("the_cluster_does_not_grow_old", "aws_eks_cluster", _set("upgrade_policy", [])),
    (
        "lost_events_are_set_aside",
        "module.notifications.aws_sqs_queue.events",
        _set("redrive_policy", None),
    ),
]

# Where a key is known only at apply, it counts that the configuration names one: there the name is taken away.
UNNAMED = [
    ("queues_topics_logs_and_secrets_have_keys", "aws_sqs_queue", ("kms_master_key_id",)),
    ("queues_topics_logs_and_secrets_have_keys", "aws_sns_topic", ("kms_master_key_id",)),
    ("queues_topics_logs_and_secrets_have_keys", "aws_cloudwatch_log_group", ("kms_key_id",)),
    ("queues_topics_logs_and_secrets_have_keys", "aws_secretsmanager_secret", ("kms_key_id",)),
    ("the_database_is_private_and_encrypted", "aws_db_instance", ("kms_key_id",)),
    ("the_database_is_private_and_encrypted", "aws_db_instance", ("performance_insights_kms_key_id",)),
    ("kafka_is_private_and_encrypted", "aws_msk_cluster", ("encryption_info", "encryption_at_rest_kms_key_arn")),
    ("kubernetes_secrets_are_encrypted", "aws_eks_cluster", ("encryption_config", "provider", "key_arn")),
    ("machines_are_closed", "aws_launch_template", ("block_device_mappings", "ebs", "kms_key_id")),
    ("images_are_immutable_scanned_and_encrypted", "aws_ecr_repository", ("encryption_configuration", "kms_key")),
    (
        "buckets_are_encrypted",
        "aws_s3_bucket_server_side_encryption_configuration",
        ("rule", "apply_server_side_encryption_by_default", "kms_master_key_id"),
    ),
]
