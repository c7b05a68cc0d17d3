# What the chart takes by reference. The passwords known here are written here; the other values are put in by hand.

locals {
  database      = "rag"
  database_user = "rag"
  kafka_user    = "rag-ingestion"

  secret_names = {
    database = "${var.name}/database"
    kafka    = "AmazonMSK_${var.name}_ingestion" # the prefix is MSK's condition
    qdrant   = "${var.name}/qdrant"
    chat     = "${var.name}/chat"
  }
}

module "secrets" {
  source = "../modules/aws-secrets"

  account_id = var.account_id
  key_arn    = module.data_key.arn

  secrets = {
    (local.secret_names.database) = "username and password of PostgreSQL"
    (local.secret_names.kafka)    = "username and password of ingestion's Kafka login"
    (local.secret_names.qdrant)   = "api-key of Qdrant"
    (local.secret_names.chat)     = "api-key of the chat server"
  }

  versions = {
    (local.secret_names.database) = var.passwords_version
    (local.secret_names.kafka)    = var.passwords_version
  }

  values = {
    (local.secret_names.database) = jsonencode({ username = local.database_user, password = var.database_password })
    (local.secret_names.kafka)    = jsonencode({ username = local.kafka_user, password = var.kafka_password })
  }
}
