# What each service account of the chart may do, and nothing more.

locals {
  buckets = {
    documents    = module.documents.arn
    uploads      = "${module.documents.arn}/${var.uploads_prefix}*"
    every_source = "${module.documents.arn}/*"
    artifacts    = module.artifacts.arn
    parquet      = "${module.artifacts.arn}/${local.parquet_prefix}/*"
    compute_logs = "${module.artifacts.arn}/${local.compute_logs_prefix}/*"
  }

  may = {
    read_sources = {
      ListSources = { actions = ["s3:ListBucket"], resources = [local.buckets.documents] }
      ReadSources = {
        actions   = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
        resources = [local.buckets.every_source]
      }
    }
    read_events = {
      ReadEvents = {
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        resources = [module.notifications.queue_arn]
      }
    }
    write_uploads = {
      WriteUploads = { actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], resources = [local.buckets.uploads] }
    }
    list_parquet = {
      ListParquet = {
        actions    = ["s3:ListBucket"]
        resources  = [local.buckets.artifacts]
        conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["${local.parquet_prefix}/*", "${local.compute_logs_prefix}/*"] }]
      }
    }
    write_parquet = {
      WriteParquet = { actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources = [local.buckets.parquet] }
    }
    read_logs  = { ReadLogs = { actions = ["s3:GetObject"], resources = [local.buckets.compute_logs] } }
    list_logs  = { ListLogs = { actions = ["s3:ListBucket"], resources = [local.buckets.artifacts] } }
    write_logs = { WriteLogs = { actions = ["s3:AbortMultipartUpload", "s3:PutObject"], resources = [local.buckets.compute_logs] } }
    decrypt    = { Decrypt = { actions = ["kms:Decrypt"], resources = [module.data_key.arn] } }
    encrypt    = { Encrypt = { actions = ["kms:GenerateDataKey"], resources = [module.data_key.arn] } }
  }

  # Sensors ask for runs only where index and Parquet answer: ingestion lists the one place that it does not read.
  # The daemon launches runs by Kubernetes' API only: it has no role.
  service_accounts = {
    webserver = merge(local.may.read_logs, local.may.list_logs, local.may.decrypt)
    ingestion = merge(local.may.read_sources, local.may.read_events, local.may.list_parquet, local.may.write_logs, local.may.decrypt, local.may.encrypt)
    runs      = merge(local.may.read_sources, local.may.list_parquet, local.may.write_parquet, local.may.write_logs, local.may.read_logs, local.may.decrypt, local.may.encrypt)
    api       = merge(local.may.read_sources, local.may.write_uploads, local.may.decrypt, local.may.encrypt)
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

# For the External Secrets operator, which copies the secrets into the cluster.
module "secrets_role" {
  source = "../modules/aws-service-role"

  name            = "${var.name}-secrets"
  provider_arn    = module.cluster.service_accounts.provider_arn
  issuer          = module.cluster.service_accounts.issuer
  namespace       = var.namespace
  service_account = "rag-secrets"

  statements = {
    ReadSecrets = { actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], resources = values(module.secrets.arns) }
    Decrypt     = { actions = ["kms:Decrypt"], resources = [module.data_key.arn] }
  }
}

locals {
  service_account_names = { for role in ["webserver", "daemon", "ingestion", "runs", "api"] : role => "rag-${role}" }
}
