"""What holds for everything that terraform/aws makes; each policy returns the addresses at which it does not."""

from collections.abc import Mapping
from typing import Any

from tests.deploy.terraform.planned import Planned, resources

Plan = Mapping[str, Any]

EVERYWHERE = {"0.0.0.0/0", "::/0"}


def nothing_has_a_public_address(plan: Plan) -> list[str]:
    """Subnets hand out none, and the only public addresses belong to translators of outgoing calls."""
    translators = {each.module for each in resources(plan, "aws_nat_gateway")}
    found = [
        each.address
        for each in resources(plan, "aws_eip")
        if each.module not in translators or each.values.get("instance")
    ]
    found += [each.address for each in resources(plan, "aws_subnet") if each.values.get("map_public_ip_on_launch")]
    for template in resources(plan, "aws_launch_template"):
        if any(each.get("associate_public_ip_address") == "true" for each in template.blocks("network_interfaces")):
            found.append(template.address)
    return found


def nothing_is_reached_from_everywhere(plan: Plan) -> list[str]:
    """No rule lets in what comes from any address; no group has rules of its own, where they would be overlooked."""
    rules = resources(plan, "aws_vpc_security_group_ingress_rule")
    found = [
        each.address for each in rules if {each.values.get("cidr_ipv4"), each.values.get("cidr_ipv6")} & EVERYWHERE
    ]
    groups = resources(plan, "aws_security_group", "aws_default_security_group")
    return found + [
        each.address for each in [*groups, *resources(plan, "aws_security_group_rule")] if each.blocks("ingress")
    ]


def the_clusters_api_is_private(plan: Plan) -> list[str]:
    """Reached from inside; from outside only where addresses are named, and never from all."""
    found: list[str] = []
    for cluster in resources(plan, "aws_eks_cluster"):
        [network] = cluster.blocks("vpc_config")
        named = set(network.get("public_access_cidrs") or ())
        is_open = network.get("endpoint_public_access") and (not named or named & EVERYWHERE)
        if is_open or not network.get("endpoint_private_access"):
            found.append(cluster.address)
    return found


def buckets_block_public_access(plan: Plan) -> list[str]:
    """Each bucket has a block with all four locks."""
    locks = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    blocked = {
        each.module
        for each in resources(plan, "aws_s3_bucket_public_access_block")
        if all(each.values.get(lock) for lock in locks)
    }
    return _buckets_outside(plan, blocked)


def buckets_are_encrypted(plan: Plan) -> list[str]:
    """Each bucket encrypts with a key of ours."""
    encrypted: set[str] = set()
    for each in resources(plan, "aws_s3_bucket_server_side_encryption_configuration"):
        used = [
            one for rule in each.blocks("rule") for one in rule.get("apply_server_side_encryption_by_default") or []
        ]
        by_key = bool(used) and all(one.get("sse_algorithm") == "aws:kms" for one in used)
        if by_key and each.names("rule", "apply_server_side_encryption_by_default", "kms_master_key_id"):
            encrypted.add(each.module)
    return _buckets_outside(plan, encrypted)


def buckets_keep_versions(plan: Plan) -> list[str]:
    """What was overwritten or deleted can be brought back, and a full bucket cannot be destroyed."""
    kept = {
        each.module
        for each in resources(plan, "aws_s3_bucket_versioning")
        if [one.get("status") for one in each.blocks("versioning_configuration")] == ["Enabled"]
    }
    emptied = [each.address for each in resources(plan, "aws_s3_bucket") if each.values.get("force_destroy")]
    return _buckets_outside(plan, kept) + emptied


def the_database_is_private_and_encrypted(plan: Plan) -> list[str]:
    """No public address, disk and statistics under a key of ours, and no connection without TLS."""
    found: list[str] = []
    for database in resources(plan, "aws_db_instance"):
        sound = database.values.get("publicly_accessible") is False and database.values.get("storage_encrypted") is True
        if not (sound and database.names("kms_key_id") and database.names("performance_insights_kms_key_id")):
            found.append(database.address)
    for group in resources(plan, "aws_db_parameter_group"):
        if not any(each["name"] == "rds.force_ssl" and each["value"] == "1" for each in group.blocks("parameter")):
            found.append(group.address)
    return found


def the_database_is_protected(plan: Plan) -> list[str]:
    """A standby, backups of a week at least, and no deletion by accident."""

    def is_protected(database: Planned) -> bool:
        values = database.values
        return (
            values.get("deletion_protection") is True
            and values.get("skip_final_snapshot") is False
            and values.get("delete_automated_backups") is False
            and values.get("multi_az") is True
            and values.get("backup_retention_period", 0) >= 7
        )

    return [each.address for each in resources(plan, "aws_db_instance") if not is_protected(each)]


def kafka_is_private_and_encrypted(plan: Plan) -> list[str]:
    """TLS between all, disks under a key of ours, nobody without a login, no public brokers."""
    return [each.address for each in resources(plan, "aws_msk_cluster") if not _is_closed(each)]


def _is_closed(kafka: Planned) -> bool:
    [encryption] = kafka.blocks("encryption_info")
    [transit] = encryption.get("encryption_in_transit") or [{}]
    [authentication] = kafka.blocks("client_authentication") or [{}]
    [nodes] = kafka.blocks("broker_node_group_info")
    access = [each for one in nodes.get("connectivity_info") or [] for each in one.get("public_access") or []]
    return (
        kafka.names("encryption_info", "encryption_at_rest_kms_key_arn")
        and transit.get("client_broker") == "TLS"
        and transit.get("in_cluster") is True
        and authentication.get("unauthenticated") is False
        and bool(authentication.get("sasl"))
        and [each.get("type") for each in access] == ["DISABLED"]
    )


def kubernetes_secrets_are_encrypted(plan: Plan) -> list[str]:
    """The cluster encrypts its secrets with a key of ours."""
    return [
        each.address
        for each in resources(plan, "aws_eks_cluster")
        if not any("secrets" in (one.get("resources") or ()) for one in each.blocks("encryption_config"))
        or not each.names("encryption_config", "provider", "key_arn")
    ]


def machines_are_closed(plan: Plan) -> list[str]:
    """Volumes are encrypted with a key of ours, and a pod cannot take its machine's credentials."""

    def is_closed(template: Planned) -> bool:
        disks = [disk for each in template.blocks("block_device_mappings") for disk in each.get("ebs") or []]
        [metadata] = template.blocks("metadata_options") or [{}]
        return (
            bool(disks)
            and all(disk.get("encrypted") == "true" for disk in disks)
            and template.names("block_device_mappings", "ebs", "kms_key_id")
            and metadata.get("http_tokens") == "required"
            and metadata.get("http_put_response_hop_limit") == 1
        )

    return [each.address for each in resources(plan, "aws_launch_template") if not is_closed(each)]


def queues_topics_logs_and_secrets_have_keys(plan: Plan) -> list[str]:
    """Each is encrypted with a key of ours."""
    keys = {
        "aws_sqs_queue": "kms_master_key_id",
        "aws_sns_topic": "kms_master_key_id",
        "aws_cloudwatch_log_group": "kms_key_id",
        "aws_secretsmanager_secret": "kms_key_id",
    }
    return [each.address for each in resources(plan, *keys) if not each.names(keys[each.type])]


def images_are_immutable_scanned_and_encrypted(plan: Plan) -> list[str]:
    """A tag never changes, each push is scanned, layers are under a key of ours, a full repository stays."""

    def is_sound(repository: Planned) -> bool:
        scanning = [each.get("scan_on_push") for each in repository.blocks("image_scanning_configuration")]
        encryption = [each.get("encryption_type") for each in repository.blocks("encryption_configuration")]
        values = repository.values
        immutable = values.get("image_tag_mutability") == "IMMUTABLE" and values.get("force_delete") is not True
        has_key = encryption == ["KMS"] and repository.names("encryption_configuration", "kms_key")
        return immutable and scanning == [True] and has_key

    return [each.address for each in resources(plan, "aws_ecr_repository") if not is_sound(each)]


def keys_and_secrets_can_be_brought_back(plan: Plan) -> list[str]:
    """Two weeks at least until a deleted key or secret is gone; keys rotate."""
    found: list[str] = []
    for key in resources(plan, "aws_kms_key"):
        if key.values.get("deletion_window_in_days", 0) < 14 or key.values.get("enable_key_rotation") is not True:
            found.append(key.address)
    secrets = resources(plan, "aws_secretsmanager_secret")
    return found + [each.address for each in secrets if each.values.get("recovery_window_in_days", 0) < 14]


def lost_events_are_set_aside(plan: Plan) -> list[str]:
    """Each bucket that notifies a queue does so with one that has a dead-letter queue beside it."""
    queues = resources(plan, "aws_sqs_queue")
    redriven = {each.module for each in queues if "deadLetterTargetArn" in str(each.values.get("redrive_policy"))}
    return [each.address for each in resources(plan, "aws_s3_bucket_notification") if each.module not in redriven]


def gpu_machines_scale_to_zero(plan: Plan) -> list[str]:
    """A group of GPU machines may be empty, and takes only what tolerates it."""
    found: list[str] = []
    for group in resources(plan, "aws_eks_node_group"):
        if "NVIDIA" not in str(group.values.get("ami_type")):
            continue
        [scaling] = group.blocks("scaling_config")
        tainted = any(each.get("effect") == "NO_SCHEDULE" for each in group.blocks("taint"))
        if scaling.get("min_size") != 0 or scaling.get("desired_size") != 0 or not tainted:
            found.append(group.address)
    return found


def _buckets_outside(plan: Plan, modules: set[str]) -> list[str]:
    return [each.address for each in resources(plan, "aws_s3_bucket") if each.module not in modules]


POLICIES = {
    policy.__name__: policy
    for policy in (
        nothing_has_a_public_address,
        nothing_is_reached_from_everywhere,
        the_clusters_api_is_private,
        buckets_block_public_access,
        buckets_are_encrypted,
        buckets_keep_versions,
        the_database_is_private_and_encrypted,
        the_database_is_protected,
        kafka_is_private_and_encrypted,
        kubernetes_secrets_are_encrypted,
        machines_are_closed,
        queues_topics_logs_and_secrets_have_keys,
        images_are_immutable_scanned_and_encrypted,
        keys_and_secrets_can_be_brought_back,
        lost_events_are_set_aside,
        gpu_machines_scale_to_zero,
    )
}
