output "helm_values" {
  description = "Values of deploy/chart/rag-assets that follow from this: tofu output -json helm_values > aws.values.json"

  value = {
    images = {
      ingestion = { repository = module.registry.urls["ingestion"] }
      api       = { repository = module.registry.urls["api"] }
    }

    database = {
      host          = module.database.host
      port          = 5432
      name          = local.database
      dagsterSchema = "dagster"
      sslMode       = "verify-full"
      caConfigMap   = { name = "rds-ca", key = "ca.pem" }
      credentials   = { existingSecret = "rag-database", usernameKey = "username", passwordKey = "password" }
    }

    vectors = {
      store  = "qdrant"
      qdrant = { url = var.qdrant_url, apiKey = { existingSecret = "rag-qdrant", key = "api-key" } }
    }

    objectStore = {
      region      = var.region
      endpoint    = ""
      parquet     = "s3://${module.artifacts.name}/${local.parquet_prefix}"
      computeLogs = { bucket = module.artifacts.name, prefix = local.compute_logs_prefix }
    }

    kafka = {
      bootstrapServers = module.kafka.bootstrap_servers
      environment = {
        KAFKA_USERNAME = { existingSecret = "rag-kafka", key = "username" }
        KAFKA_PASSWORD = { existingSecret = "rag-kafka", key = "password" }
      }
    }

    serviceAccounts = {
      for role, name in local.service_account_names : role => {
        create      = true
        name        = name
        annotations = contains(keys(module.service_role), role) ? { "eks.amazonaws.com/role-arn" = module.service_role[role].arn } : {}
      }
    }
  }
}

output "cluster_name" {
  description = "aws eks update-kubeconfig --name …"
  value       = module.cluster.name
}

output "documents_bucket" {
  description = "Where documents are put: s3://…"
  value       = module.documents.name
}

output "object_events_queue_url" {
  description = "The queue that a collection's source reads beside its sweeps."
  value       = module.notifications.queue_url
}

output "set_aside_queue_url" {
  description = "Object events that nobody could record."
  value       = module.notifications.set_aside_queue_url
}

output "image_repositories" {
  description = "Where to push images, by name."
  value       = module.registry.urls
}

output "kafka_bootstrap_servers_iam" {
  description = "Brokers for administrators, who make topics, with an IAM role."
  value       = module.kafka.bootstrap_servers_iam
}

output "secret_names" {
  description = "Secrets of Secrets Manager, by what they are for."
  value       = local.secret_names
}

output "secrets_role_arn" {
  description = "Role of the service account NAMESPACE/rag-secrets, by which External Secrets reads them."
  value       = module.secrets_role.arn
}

output "autoscaler_role_arn" {
  description = "Role of the service account kube-system/cluster-autoscaler."
  value       = module.cluster.autoscaler_role_arn
}
