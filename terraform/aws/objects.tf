# The documents as they came, with an event for each change; and what is made of them.

module "documents" {
  source = "../modules/aws-bucket"

  name             = "${var.name}-${var.account_id}-documents"
  key_arn          = module.data_key.arn
  old_version_days = 90
}

module "artifacts" {
  source = "../modules/aws-bucket"

  name              = "${var.name}-${var.account_id}-artifacts"
  key_arn           = module.data_key.arn
  expiring_prefixes = { "${local.compute_logs_prefix}/" = 90 }
}

module "notifications" {
  source = "../modules/aws-notifications"

  name             = "${var.name}-object-events"
  region           = var.region
  account_id       = var.account_id
  bucket           = module.documents.name
  bucket_arn       = module.documents.arn
  key_arn          = module.data_key.arn
  alarm_topic_arns = var.alarm_topic_arns
}

locals {
  parquet_prefix      = "parquet"
  compute_logs_prefix = "compute-logs"
}
