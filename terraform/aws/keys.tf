# Four keys: who may read logs cannot read documents, and with one of them lost the backups are not lost, too.

data "aws_partition" "current" {}

locals {
  partition       = data.aws_partition.current.partition
  of_this_account = [{ test = "StringEquals", variable = "aws:SourceAccount", values = [var.account_id] }]
}

module "data_key" {
  source = "../modules/aws-key"

  name        = "${var.name}-data"
  description = "Documents, Parquet, events, catalog, messages, secrets, images"
  account_id  = var.account_id

  users = {
    TheBucketEncryptsEvents = {
      identifiers = ["s3.amazonaws.com"]
      actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      conditions  = local.of_this_account
    }
  }
}

module "backups_key" {
  source = "../modules/aws-key"

  name        = "${var.name}-backups"
  description = "Backups of catalog and Parquet"
  account_id  = var.account_id
}

module "cluster_key" {
  source = "../modules/aws-key"

  name        = "${var.name}-cluster"
  description = "Kubernetes' secrets and the machines' volumes"
  account_id  = var.account_id

  users = {
    MachinesOfGroupsHaveVolumes = {
      type        = "AWS"
      identifiers = [local.autoscaling_role]
      actions     = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    }
    MachinesOfGroupsAttachThem = {
      type        = "AWS"
      identifiers = [local.autoscaling_role]
      actions     = ["kms:CreateGrant"]
      conditions  = [{ test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] }]
    }
  }
}

module "logs_key" {
  source = "../modules/aws-key"

  name        = "${var.name}-logs"
  description = "Logs of the network, the cluster, Kafka and PostgreSQL; alarms"
  account_id  = var.account_id

  users = {
    LogsOfThisAccount = {
      identifiers = ["logs.${var.region}.amazonaws.com"]
      actions     = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      conditions = [{
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${local.partition}:logs:${var.region}:${var.account_id}:log-group:*"]
      }]
    }
    AlarmsAreTold = {
      identifiers = ["cloudwatch.amazonaws.com"]
      actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      conditions  = local.of_this_account
    }
  }
}

locals {
  autoscaling_role = "arn:${local.partition}:iam::${var.account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}
