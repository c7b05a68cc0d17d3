# What each service account of the chart may do, and nothing more.

locals {
  other_source_arns = [for name in sort(keys(var.source_buckets)) : "arn:${local.partition}:s3:::${name}"]
  source_arns       = concat([module.documents.arn], local.other_source_arns)
  other_source_keys = distinct(compact([for bucket in values(var.source_buckets) : bucket.key_arn]))

  objects = {
    parquet      = "${module.artifacts.arn}/${local.parquet_prefix}/*"
    compute_logs = "${module.artifacts.arn}/${local.compute_logs_prefix}/*"
    backups      = "${module.backups.arn}/${local.backups_prefix}/*"
  }

  # Who reads a bucket's objects may list it, without conditions: else S3 says of a missing object that it is forbidden,
  # and what is lost is taken for a store that is away, and never made again.
  may = {
    read_sources = merge(
      {
        ListSources = { actions = ["s3:ListBucket"], resources = local.source_arns }
        ReadSources = {
          actions   = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
          resources = [for arn in local.source_arns : "${arn}/*"]
        }
      },
      { for sid in length(local.other_source_keys) > 0 ? ["DecryptSources"] : [] : sid => { actions = ["kms:Decrypt"], resources = local.other_source_keys } },
    )
    read_events = {
      ReadEvents = {
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        resources = [module.notifications.queue_arn]
      }
    }
    write_uploads = { for sid in length(var.upload_prefixes) > 0 ? ["WriteUploads"] : [] : sid => {
      actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
      resources = [for prefix in var.upload_prefixes : "${module.documents.arn}/${prefix}*"]
    } }
    list_artifacts = { ListArtifacts = { actions = ["s3:ListBucket"], resources = [module.artifacts.arn] } }
    write_parquet = {
      WriteParquet = { actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources = [local.objects.parquet] }
    }
    read_logs  = { ReadLogs = { actions = ["s3:GetObject"], resources = [local.objects.compute_logs] } }
    write_logs = { WriteLogs = { actions = ["s3:AbortMultipartUpload", "s3:PutObject"], resources = [local.objects.compute_logs] } }
    keep_backups = {
      ListBackups    = { actions = ["s3:ListBucket"], resources = [module.backups.arn] }
      WriteBackups   = { actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources = [local.objects.backups] }
      EncryptBackups = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [module.backups_key.arn] }
    }
    decrypt = { Decrypt = { actions = ["kms:Decrypt"], resources = [module.data_key.arn] } }
    encrypt = { Encrypt = { actions = ["kms:GenerateDataKey"], resources = [module.data_key.arn] } }
  }

  # Sensors ask for runs only where index and Parquet answer: ingestion lists the one place that it does not read.
  # The daemon launches runs by Kubernetes' API only: it has no role. Only recovery reaches backups, and nobody can take
  # their older versions away (s3:DeleteObjectVersion is nobody's).
  service_accounts = {
    webserver = merge(local.may.read_logs, local.may.list_artifacts, local.may.decrypt)
    ingestion = merge(local.may.read_sources, local.may.read_events, local.may.list_artifacts, local.may.write_logs, local.may.decrypt, local.may.encrypt)
    runs      = merge(local.may.read_sources, local.may.list_artifacts, local.may.write_parquet, local.may.write_logs, local.may.read_logs, local.may.decrypt, local.may.encrypt)
    api       = merge(local.may.read_sources, local.may.write_uploads, local.may.decrypt, local.may.encrypt)
    recovery  = merge(local.may.read_sources, local.may.list_artifacts, local.may.write_parquet, local.may.keep_backups, local.may.decrypt, local.may.encrypt)
  }
}

module "service_role" {
  source   = "../modules/aws-service-role"
  for_each = local.service_accounts

  name            = "${var.name}-${each.key}"
  provider_arn    = module.cluster.service_accounts.provider_arn
  issuer          = module.cluster.service_accounts.issuer
  namespace       = var.namespace
  service_account = local.service_account_names[each.key]
  statements      = each.value
}

locals {
  service_account_names = { for role in ["webserver", "daemon", "ingestion", "runs", "api", "recovery"] : role => "rag-${role}" }
}
