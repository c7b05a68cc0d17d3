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

    listener = { enabled = true } # nothing else reads the queue of object events

    recovery = { enabled = true, backupUrl = "s3://${module.backups.name}/${local.backups_prefix}" }

    monitoring = { prometheusRule = { volumeNamespaces = [var.qdrant_namespace] } }

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

output "in_cluster" {
  description = "Namespaces, the class of encrypted disks, copies of the secrets: tofu output -json in_cluster | kubectl apply -f -"

  value = {
    apiVersion = "v1"
    kind       = "List"
    items      = concat(local.namespaces, local.storage_classes, local.secret_readers, local.external_secrets)
  }
}

output "backups_bucket" {
  description = "Where backups are kept; helm_values names the folder."
  value       = module.backups.name
}

output "object_events_queue_url" {
  description = "The queue that a collection's source names under notifications."
  value       = module.notifications.queue_url
}

output "object_events_queue_arn" {
  description = "Where the notifications of source_buckets may go, too."
  value       = module.notifications.queue_arn
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

output "cluster_key_arn" {
  description = "Key of the machines' and Qdrant's volumes."
  value       = module.cluster_key.arn
}

output "alarm_topic_arn" {
  description = "Where alarms go; subscribe to it whoever is not told by e-mail."
  value       = module.alarms.topic_arn
}

output "autoscaler_role_arn" {
  description = "Role of the service account kube-system/cluster-autoscaler."
  value       = module.cluster.autoscaler_role_arn
}
