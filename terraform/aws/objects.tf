# The documents as they came, with an event for each change; what is made of them; and the backups of that.

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

module "backups" {
  source = "../modules/aws-bucket"

  name             = "${var.name}-${var.account_id}-backups"
  key_arn          = module.backups_key.arn
  old_version_days = 90 # a backup replaces the one before: for so long that one comes back
}

module "notifications" {
  source = "../modules/aws-notifications"

  name              = "${var.name}-object-events"
  region            = var.region
  account_id        = var.account_id
  bucket            = module.documents.name
  bucket_arn        = module.documents.arn
  other_bucket_arns = local.other_source_arns
  key_arn           = module.data_key.arn
  alarm_topic_arns  = local.alarm_topic_arns
}

locals {
  parquet_prefix      = "parquet"
  compute_logs_prefix = "compute-logs"
  backups_prefix      = "rag"
}
